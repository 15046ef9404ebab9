import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../test/random.ts';
import { checkEventPatterns, patternsOf, withoutCovered } from './event-patterns.ts';

const lets = (pattern: string, type: string): boolean =>
  pattern === '*' ||
  (pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern && !type.includes('*'));

test('an event type of whatever characters, a prefix and everything are patterns', () => {
  const patterns = [
    '*',
    'order',
    'order.*',
    'order.paid.eu.*',
    'Bestellung bezahlt',
    'заказ.*',
    '🛒.*',
    '.hidden',
    '..*',
    'a..b',
    'trailing.',
    'x'.repeat(255),
    `${'x'.repeat(253)}.*`,
  ];
  for (const pattern of patterns) checkEventPatterns([pattern]);
  checkEventPatterns(Array.from({ length: 50 }, (_, i) => `t${i}`));
});

const expected = 'must be an event type, `prefix.*` or `*`';
const chars = 'must have 1 to 255 characters';
const refused: [pattern: string, issue: string][] = [
  ['', chars],
  ['x'.repeat(256), chars],
  ['**', expected],
  ['.*', expected],
  ['*.*', expected],
  ['*.paid', expected],
  ['order*', expected],
  ['order.*.paid', expected],
  ['order.**', expected],
  ['a\nb', 'must not contain control characters'],
  ['a\0', 'must not contain control characters'],
  ['a\u0085', 'must not contain control characters'],
  ['a\ud800', 'must not contain half a surrogate pair'],
];

for (const [pattern, issue] of refused) {
  test(`${JSON.stringify(pattern.slice(0, 20))} is no pattern, and the answer says which one it is`, () => {
    assert.throws(() => checkEventPatterns(['order.*', pattern]), {
      code: 'invalid_argument',
      message: `events[1]: ${issue}`,
      details: [{ field: 'events[1]', issue }],
    });
  });
}

test('none and more than 50 are refused', () => {
  const failure = { code: 'invalid_argument', message: 'endpoint.events: must have 1 to 50 patterns' };
  assert.throws(() => checkEventPatterns([], 'endpoint.events'), failure);
  assert.throws(() => checkEventPatterns(Array(51).fill('a'), 'endpoint.events'), failure);
});

test('the patterns of a type are those that let it through, each once', () => {
  assert.deepEqual([...patternsOf('a.b.c')], ['*', 'a.b.c', 'a.*', 'a.b.*']);
  assert.deepEqual([...patternsOf('a')], ['*', 'a']);
  assert.deepEqual([...patternsOf('a.')], ['*', 'a.', 'a.*']);
  assert.deepEqual([...patternsOf('.a')], ['*', '.a']);
  assert.deepEqual([...patternsOf('..')], ['*', '..', '..*']);
  assert.deepEqual([...patternsOf('a.*')], ['*', 'a.*']);
  assert.deepEqual([...patternsOf('*')], ['*']);
});

test('without those that others cover the same types come through, and each by one pattern', () => {
  const random = createRandom(1);
  const name = () => Array.from({ length: 1 + random.below(4) }, () => random.pick(['a', 'b', ''])).join('.');
  for (let round = 0; round < 5_000; round++) {
    const patterns = Array.from({ length: 1 + random.below(6) }, () =>
      random.pick([name(), `${name()}.*`, random.below(10) === 0 ? '*' : name()]),
    ).filter((pattern) => pattern !== '' && pattern !== '.*');
    const fewest = withoutCovered(patterns);
    for (let i = 0; i < 20; i++) {
      const type = random.pick([name(), `${name()}.`, `${name()}.*`, `${name()}*`]);
      const by = fewest.filter((pattern) => lets(pattern, type));
      const isLetThrough = patterns.some((pattern) => lets(pattern, type));
      assert.equal(by.length, isLetThrough ? 1 : 0, `${JSON.stringify({ patterns, fewest, type })}`);
    }
  }
});
