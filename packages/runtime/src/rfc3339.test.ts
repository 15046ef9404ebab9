import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EARLIEST_MS, LATEST_MS, parseRfc3339, wholeMs } from './rfc3339.ts';

test('a date-time is read with its offset, digits beyond milliseconds cut', () => {
  const times: Record<string, string> = {
    '2024-01-30T12:34:56Z': '2024-01-30T12:34:56.000Z',
    '2024-01-30t12:34:56z': '2024-01-30T12:34:56.000Z',
    '2024-01-30T12:34:56.7Z': '2024-01-30T12:34:56.700Z',
    '2024-01-30T12:34:56.78Z': '2024-01-30T12:34:56.780Z',
    '2024-01-30T12:34:56.789999999Z': '2024-01-30T12:34:56.789Z',
    '2024-01-30T12:34:56+02:30': '2024-01-30T10:04:56.000Z',
    '2024-01-30T12:34:56.5-23:59': '2024-01-31T12:33:56.500Z',
    '2024-01-30T12:34:56-00:00': '2024-01-30T12:34:56.000Z',
    '2024-02-29T00:00:00Z': '2024-02-29T00:00:00.000Z',
    '2000-02-29T23:59:59Z': '2000-02-29T23:59:59.000Z',
    '1969-12-31T23:59:59.999Z': '1969-12-31T23:59:59.999Z',
    '1899-12-31T23:00:00-01:00': '1900-01-01T00:00:00.000Z',
  };
  for (const [text, iso] of Object.entries(times)) {
    assert.equal(new Date(parseRfc3339(text) ?? Number.NaN).toISOString(), iso, text);
  }
});

test('what Date writes is read back', () => {
  for (let ms = EARLIEST_MS; ms <= LATEST_MS; ms += 86_399_321 * 97) {
    assert.equal(parseRfc3339(new Date(ms).toISOString()), ms);
  }
  assert.equal(parseRfc3339(new Date(LATEST_MS).toISOString()), LATEST_MS);
});

test('a leap second counts only where one may be, and is the second after it', () => {
  assert.equal(parseRfc3339('2016-12-31T23:59:60Z'), Date.UTC(2017, 0, 1));
  assert.equal(parseRfc3339('2015-06-30T23:59:60.5Z'), Date.UTC(2015, 6, 1, 0, 0, 0, 500));
  assert.equal(parseRfc3339('2017-01-01T01:59:60+02:00'), Date.UTC(2017, 0, 1));
  for (const text of [
    '2016-12-31T23:58:60Z',
    '2016-11-30T23:59:60Z',
    '2016-12-31T23:59:61Z',
    '2017-01-01T01:59:60Z',
  ]) {
    assert.equal(parseRfc3339(text), undefined, text);
  }
});

test('what is no RFC 3339 date-time, no real date, or out of range is refused', () => {
  for (const text of [
    '',
    '2024-01-30',
    '2024-01-30T12:34:56',
    '2024-01-30 12:34:56Z',
    '2024-01-30T12:34Z',
    '2024-01-30T12:34:56.Z',
    '2024-01-30T12:34:56,5Z',
    '2024-01-30T12:34:56+0200',
    '2024-01-30T12:34:56+02',
    '2024-01-30T12:34:56+24:00',
    '2024-01-30T12:34:56+02:60',
    '2024-01-30T12:34:56ZZ',
    '2024-01-30T12:34:56Z ',
    ' 2024-01-30T12:34:56Z',
    '2024-1-30T12:34:56.00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-01-32T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-30T24:00:00Z',
    '2024-01-30T12:60:00Z',
    '20x4-01-30T12:34:56Z',
    '+024-01-30T12:34:56Z',
    '1899-12-31T23:59:59Z',
    '2300-01-01T00:00:00Z',
    '1900-01-01T00:00:00+00:01',
    '0050-01-01T00:00:00Z',
    '1706618096000',
    'Tue, 30 Jan 2024 12:34:56 GMT',
    `2024-01-30T12:34:56.${'0'.repeat(100)}Z`,
  ]) {
    assert.equal(parseRfc3339(text), undefined, text);
  }
});

test('a time in a message is cut to milliseconds, and its nanoseconds are those of a time', () => {
  assert.equal(wholeMs({ seconds: 1n, nanos: 999_999_999 }, 'at'), 1_999);
  assert.equal(wholeMs({ seconds: -1n, nanos: 1 }, 'at'), -1_000);
  for (const nanos of [-1, 1_000_000_000, Number.NaN]) {
    assert.throws(() => wholeMs({ seconds: 0n, nanos }, 'at'), {
      code: 'invalid_argument',
      message: /^at: /,
    });
  }
});
