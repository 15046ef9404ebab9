import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalQuotas } from './rate-limiter.ts';

const MINUTE_MS = 60_000;

function onClock(maxKeys?: number) {
  const state = { nowMs: 5_000 };
  const clock = { now: () => state.nowMs, monotonic: () => state.nowMs };
  return { state, take: createLocalQuotas({ clock, ...(maxKeys !== undefined && { maxKeys }) }) };
}

test('a full quota is there at once, the next comes at the even rate', () => {
  const { state, take } = onClock();
  const quota = { requests: 60, periodMs: MINUTE_MS, burst: 3 };
  const remaining = [1, 2, 3].map(() => take('a', quota).remaining);
  assert.deepEqual(remaining, [2, 1, 0]);
  assert.deepEqual(take('a', quota), { allowed: false, remaining: 0, nextInSeconds: 1 });
  state.nowMs += 999;
  assert.equal(take('a', quota).allowed, false);
  state.nowMs += 1;
  assert.deepEqual(take('a', quota), { allowed: true, remaining: 0, nextInSeconds: 1 });
  assert.equal(take('a', quota).allowed, false);
});

test('what is told of the wait is when one request more is allowed, rounded up', () => {
  const { state, take } = onClock();
  const quota = { requests: 2, periodMs: MINUTE_MS, burst: 2 };
  assert.equal(take('a', quota).nextInSeconds, 30);
  state.nowMs += 10_500;
  assert.deepEqual(take('a', quota), { allowed: true, remaining: 0, nextInSeconds: 20 });
  assert.deepEqual(take('a', quota), { allowed: false, remaining: 0, nextInSeconds: 20 });
  state.nowMs += 19_500;
  assert.equal(take('a', quota).allowed, true);
});

test('after a pause there is the burst, and no more', () => {
  const { state, take } = onClock();
  const quota = { requests: 600, periodMs: MINUTE_MS, burst: 5 };
  for (let i = 0; i < 5; i++) take('a', quota);
  state.nowMs += 60 * MINUTE_MS;
  const allowed = Array.from({ length: 10 }, () => take('a', quota).allowed);
  assert.equal(allowed.filter(Boolean).length, 5);
});

test('keys do not share', () => {
  const { take } = onClock();
  const quota = { requests: 1, periodMs: MINUTE_MS, burst: 1 };
  assert.equal(take('a', quota).allowed, true);
  assert.equal(take('b', quota).allowed, true);
  assert.equal(take('a', quota).allowed, false);
});

test('a quota that was raised counts at once, not after the wait of the old one', () => {
  const { take } = onClock();
  take('a', { requests: 1, periodMs: MINUTE_MS, burst: 1 });
  const raised = { requests: 60, periodMs: MINUTE_MS, burst: 10 };
  assert.equal(take('a', raised).allowed, false);
  assert.equal(take('a', raised).nextInSeconds, 1);
});

test('in no window are there more than the burst and what the rate gives', () => {
  const random = seeded(7);
  for (let round = 0; round < 40; round++) {
    const { state, take } = onClock();
    const requests = 1 + Math.floor(random() * 500);
    const quota = { requests, periodMs: MINUTE_MS, burst: 1 + Math.floor(random() * requests) };
    const intervalMs = MINUTE_MS / requests;
    const allowedAtMs: number[] = [];
    for (let i = 0; i < 600; i++) {
      if (random() < 0.3) state.nowMs += random() * intervalMs * 3;
      if (take('a', quota).allowed) allowedAtMs.push(state.nowMs);
    }
    for (const [from, startMs] of allowedAtMs.entries()) {
      for (let to = from; to < allowedAtMs.length; to++) {
        const windowMs = (allowedAtMs[to] ?? 0) - startMs;
        const most = quota.burst + windowMs / intervalMs;
        assert.ok(
          to - from + 1 <= most + 1e-6,
          `${to - from + 1} in ${windowMs} ms of ${JSON.stringify(quota)}`,
        );
      }
    }
  }
});

test('who keeps to what was told is never refused', () => {
  const { state, take } = onClock();
  const quota = { requests: 7, periodMs: MINUTE_MS, burst: 2 };
  for (let i = 0; i < 100; i++) {
    const standing = take('a', quota);
    assert.equal(standing.allowed, true);
    if (standing.remaining === 0) state.nowMs += standing.nextInSeconds * 1_000;
  }
});

test('memory is bounded: the least recently used keys are forgotten', () => {
  const { take } = onClock(10);
  const quota = { requests: 1, periodMs: MINUTE_MS, burst: 1 };
  for (let i = 0; i < 11; i++) take(`key ${i}`, quota);
  assert.equal(take('key 10', quota).allowed, false);
  assert.equal(take('key 0', quota).allowed, true);
});

/** A pseudo-random sequence that is the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
