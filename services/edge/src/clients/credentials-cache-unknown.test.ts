import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheOver, good, grantFor, REFUSED, settled, UNAVAILABLE } from '../../test/credentials-cache.ts';

test('a flood of unknown credentials does not grow the cache or push out a good one', async () => {
  const { cache, state } = cacheOver(async (secret) => (secret === 'good' ? grantFor(secret) : REFUSED));
  await cache.verify('good');
  for (let i = 0; i < 10_000; i++) await cache.verify(`bad-${i}`);
  assert.ok(cache.size <= 200, `${cache.size} entries`);
  const asked = state.asked;
  await cache.verify('good');
  for (let i = 0; i < 1_000; i++) await cache.verify('bad-9999');
  assert.equal(state.asked, asked);
});

test('only so many unknown credentials are asked about at once, and a known one is let through', async () => {
  const answers: (() => void)[] = [];
  const standings: string[] = [];
  const { cache, state } = cacheOver((secret) => grantFor(secret), { maxUnknownUnderWay: 3 });
  cache.verify('known');
  state.nowMs += 30_000;
  state.answer = (secret, standing) => {
    standings.push(standing);
    return new Promise((resolve) => answers.push(() => resolve(grantFor(secret))));
  };
  const asked = ['1', '2', '3'].map((secret) => cache.verify(secret));
  assert.throws(() => cache.verify('4'), { code: 'resource_exhausted' });
  assert.equal(cache.verify('3'), asked[2], 'who asks about the same one shares the answer');
  const known = cache.verify('known');
  assert.deepEqual(standings, ['unknown', 'unknown', 'unknown', 'known']);
  answers.shift()?.();
  await asked[0];
  await settled();
  const next = cache.verify('4');
  for (const answer of answers) answer();
  for (const verdict of await Promise.all([...asked, known, next])) assert.equal(verdict.kind, 'granted');
});

test('a failed question makes room for the next', async () => {
  const { cache, state } = cacheOver(async () => Promise.reject(UNAVAILABLE), { maxUnknownUnderWay: 1 });
  for (const secret of ['a', 'b']) {
    await assert.rejects(async () => cache.verify(secret), { code: 'unavailable' });
    await settled();
  }
  assert.equal(state.asked, 2);
});

test('what can not be a credential is refused without asking', async () => {
  const { cache, state } = cacheOver(good);
  for (const secret of ['', 'x'.repeat(1_025), 'a b', 'a\tb', 'a\n', 'a\u0000', 'ü', '\u007f']) {
    assert.deepEqual(await cache.verify(secret), REFUSED, JSON.stringify(secret));
  }
  assert.equal(state.asked, 0);
  assert.equal(cache.size, 0);
  assert.equal((await cache.verify('!'.repeat(1_024))).kind, 'granted');
});
