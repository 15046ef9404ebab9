import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from './retry-after.ts';

const now = Date.UTC(2026, 10, 6, 8, 49, 0);
const ask = (header: string | undefined, status = 503) => retryAfterMs(status, header, now);

const read: [header: string, ms: number][] = [
  ['0', 0],
  ['120', 120_000],
  [' 7\t', 7_000],
  ['007', 7_000],
  // Absurd ones are long, not rubbish.
  ['99999999999999999999', 8.64e15],
  ['9'.repeat(5_000), 8.64e15],
  ['Fri, 06 Nov 2026 08:49:37 GMT', 37_000],
  ['fri, 06 nov 2026 08:49:37 gmt', 37_000],
  ['Friday, 06-Nov-26 08:49:37 GMT', 37_000],
  ['Fri Nov  6 08:49:37 2026', 37_000],
  ['Tue Nov 10 08:49:00 2026', 4 * 86_400_000],
  // The weekday is another one: the date is what counts.
  ['Mon, 06 Nov 2026 08:49:37 GMT', 37_000],
  ['Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2027, 0, 1) - now],
  ['Tue, 29 Feb 2028 00:00:00 GMT', Date.UTC(2028, 1, 29) - now],
  ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59) - now],
  ['Sunday, 06-Nov-76 08:49:37 GMT', Date.UTC(2076, 10, 6, 8, 49, 37) - now],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
  ['Sunday, 06-Nov-77 08:49:37 GMT', 0],
  ['Sun Nov  6 08:49:37 1994', 0],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
];

for (const [header, ms] of read) {
  test(`Retry-After: ${header.slice(0, 40)} is ${ms} ms`, () => {
    assert.equal(ask(header), ms);
    assert.equal(ask(header, 429), ms);
  });
}

const rubbish = [
  '',
  ' ',
  '-5',
  '+5',
  '1.5',
  '1e3',
  '0x10',
  '١٢',
  '5 s',
  '5,5',
  '120, 120',
  'soon',
  'NaN',
  'Infinity',
  '2026-11-06T08:49:37Z',
  'Fri, 06 Nov 2026 08:49:37',
  'Fri, 06 Nov 2026 08:49:37 CET',
  'Fri, 06 Nov 2026 08:49:37 +0100',
  'Fri, 6 Nov 2026 08:49:37 GMT',
  'Fri, 06 Now 2026 08:49:37 GMT',
  'Fri, 31 Nov 2026 08:49:37 GMT',
  'Sun, 29 Feb 2026 08:49:37 GMT',
  'Fri, 00 Nov 2026 08:49:37 GMT',
  'Fri, 06 Nov 0026 08:49:37 GMT',
  'Fri, 06 Nov 2026 24:00:00 GMT',
  'Fri, 06 Nov 2026 08:60:00 GMT',
  'Fri, 06 Nov 2026 08:49:61 GMT',
  'Fri, 06 Nov 2026 08:49:37 GMT, Fri, 06 Nov 2026 08:49:38 GMT',
  `${'Friday, '.repeat(10_000)}06-Nov-26 08:49:37 GMT`,
];

for (const header of rubbish) {
  test(`Retry-After: ${header.slice(0, 60)} asks for nothing`, () => assert.equal(ask(header), undefined));
}

test('only 429 and 503 ask', () => {
  for (const status of [0, 200, 202, 301, 400, 408, 413, 500, 502, 504])
    assert.equal(ask('120', status), undefined, String(status));
  assert.equal(ask(undefined), undefined);
});
