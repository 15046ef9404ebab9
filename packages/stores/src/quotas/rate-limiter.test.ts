import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import { createRateLimiter } from './rate-limiter.ts';
import type { QuotaStanding } from './redis-quotas.ts';

const QUOTA = { requests: 60, periodMs: 60_000, burst: 2 };
const SHARED: QuotaStanding = { allowed: true, remaining: 41, nextInSeconds: 1 };

function bench() {
  const state = { nowMs: 0, asked: 0, fallbacks: 0, logged: [] as string[] };
  const log = createLogger({ service: 'test', level: 'silent' });
  log.warn = (_fields: unknown, message?: string) => void state.logged.push(message ?? '');
  log.info = (message: unknown) => void state.logged.push(String(message));
  let answer: () => Promise<QuotaStanding> = async () => SHARED;
  const limiter = createRateLimiter({
    shared: () => {
      state.asked++;
      return answer();
    },
    clock: { now: () => state.nowMs, monotonic: () => state.nowMs },
    log,
    fallbacks: { add: () => void state.fallbacks++ },
  });
  const answerWith = (next: typeof answer) => {
    answer = next;
  };
  return { state, limiter, answerWith };
}

test('without a shared store a limit is kept here, without a promise', () => {
  const limiter = createRateLimiter({
    shared: undefined,
    clock: { now: () => 0, monotonic: () => 0 },
    log: createLogger({ service: 'test', level: 'silent' }),
    fallbacks: { add: () => assert.fail('nothing is missing') },
  });
  const standings = [1, 2, 3].map(() => limiter('a', QUOTA));
  assert.deepEqual(
    standings.map((standing) => !(standing instanceof Promise) && standing.allowed),
    [true, true, false],
  );
});

test('while the shared store answers, it alone decides', async () => {
  const { limiter, state } = bench();
  for (let i = 0; i < 5; i++) assert.equal(await limiter('a', QUOTA), SHARED);
  assert.deepEqual([state.asked, state.fallbacks], [5, 0]);
});

test('when the store fails the limit goes on here, and the store is left alone for a second', async () => {
  const { limiter, state, answerWith } = bench();
  answerWith(() => Promise.reject(new Error('away')));
  const allowed: boolean[] = [];
  for (let i = 0; i < 5; i++) allowed.push((await limiter('a', QUOTA)).allowed);
  assert.deepEqual(allowed, [true, true, false, false, false]);
  assert.deepEqual([state.asked, state.fallbacks], [1, 5]);
  state.nowMs += 1_000;
  await limiter('a', QUOTA);
  assert.equal(state.asked, 2);
});

test('while one request tries a store that hangs, the others do not wait', async () => {
  const { limiter, state, answerWith } = bench();
  answerWith(() => Promise.reject(new Error('away')));
  await limiter('a', QUOTA);
  state.nowMs += 1_000;
  const hanging = Promise.withResolvers<QuotaStanding>();
  answerWith(() => hanging.promise);
  const trying = limiter('a', QUOTA);
  for (let i = 0; i < 10; i++) assert.equal(limiter('b', QUOTA) instanceof Promise, false);
  assert.equal(state.asked, 2);
  hanging.resolve(SHARED);
  assert.equal(await trying, SHARED);
  assert.equal(limiter('b', QUOTA) instanceof Promise, true, 'the store is asked again');
});

test('an outage is told once, and so is its end', async () => {
  const { limiter, state, answerWith } = bench();
  answerWith(() => Promise.reject(new Error('away')));
  await Promise.all([limiter('a', QUOTA), limiter('b', QUOTA)]);
  state.nowMs += 1_000;
  await limiter('a', QUOTA);
  answerWith(async () => SHARED);
  state.nowMs += 1_000;
  await limiter('a', QUOTA);
  await limiter('a', QUOTA);
  assert.deepEqual(state.logged, [
    'rate limits are kept in each process until Redis answers',
    'rate limits are shared by Redis again',
  ]);
});
