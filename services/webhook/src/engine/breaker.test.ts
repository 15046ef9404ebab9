import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../test/random.ts';
import { type AttemptOutcome, Breaker } from './breaker.ts';

function onClock(random: () => number = () => 0) {
  const state = { nowMs: 5_000 };
  const breaker = new Breaker({ monotonic: () => state.nowMs }, random);
  const attempt = (outcome: AttemptOutcome) => breaker.end(breaker.begin(), outcome);
  const attempts = (count: number, outcome: AttemptOutcome) => {
    for (let i = 0; i < count; i++) attempt(outcome);
  };
  return { state, breaker, attempt, attempts };
}

const INFINITE = Number.POSITIVE_INFINITY;

test('ten failures in a row open it, nine and a success don’t', () => {
  const { breaker, attempt, attempts } = onClock();
  attempts(9, 'failed');
  attempt('succeeded');
  attempts(9, 'failed');
  assert.deepEqual([breaker.isOpen, breaker.waitMs], [false, 0]);
  attempt('failed');
  assert.deepEqual([breaker.isOpen, breaker.waitMs], [true, 5_000]);
});

test('what was broken off says nothing', () => {
  const { breaker, attempts } = onClock();
  attempts(9, 'failed');
  attempts(20, 'abandoned');
  assert.equal(breaker.isOpen, false);
  attempts(1, 'failed');
  assert.equal(breaker.isOpen, true);
});

test('pauses double from 5 s to 5 min while probes fail, and begin anew once one succeeds', () => {
  const { state, breaker, attempt, attempts } = onClock();
  const pausesSeconds: number[] = [];
  attempts(10, 'failed');
  for (let i = 0; i < 2_000; i++) {
    if (i < 9) pausesSeconds.push(breaker.waitMs / 1_000);
    assert.ok(breaker.waitMs <= 300_000);
    state.nowMs += breaker.waitMs;
    attempt('failed');
  }
  assert.deepEqual(pausesSeconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
  state.nowMs += breaker.waitMs;
  attempt('succeeded');
  assert.deepEqual([breaker.isOpen, breaker.waitMs], [false, 0]);
  attempts(9, 'failed');
  assert.equal(breaker.isOpen, false);
  attempt('failed');
  assert.equal(breaker.waitMs, 5_000);
});

test('reset: attempts begin at once, and the next pause is the first again', () => {
  const { state, breaker, attempt, attempts } = onClock();
  attempts(10, 'failed');
  state.nowMs += breaker.waitMs;
  attempt('failed');
  breaker.reset();
  assert.deepEqual([breaker.isOpen, breaker.waitMs], [false, 0]);
  attempts(10, 'failed');
  assert.equal(breaker.waitMs, 5_000);
});

test('a pause is up to a tenth shorter, never longer', () => {
  const random = createRandom(5);
  const { state, breaker, attempt, attempts } = onClock(random.fraction);
  attempts(10, 'failed');
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const fullMs = Math.min(300_000, 5_000 * 2 ** i);
    assert.ok(breaker.waitMs > fullMs * 0.9 - 1e-6 && breaker.waitMs <= fullMs, `${breaker.waitMs}`);
    seen.add(breaker.waitMs);
    state.nowMs += breaker.waitMs;
    attempt('failed');
  }
  assert.ok(seen.size > 400);
});

test('one probe at a time: nobody else begins until it has ended', () => {
  const { state, breaker, attempts } = onClock();
  attempts(10, 'failed');
  assert.throws(() => breaker.begin(), /the breaker is open/);
  state.nowMs += 4_999;
  assert.equal(breaker.waitMs, 1);
  state.nowMs += 1;
  assert.equal(breaker.waitMs, 0);
  const probe = breaker.begin();
  assert.equal(breaker.waitMs, INFINITE);
  assert.throws(() => breaker.begin(), /the breaker is open/);
  state.nowMs += 3_600_000;
  assert.equal(breaker.waitMs, INFINITE);
  breaker.end(probe, 'failed');
  assert.equal(breaker.waitMs, 10_000);
});

test('a probe that is broken off makes way for another', () => {
  const { state, breaker, attempts } = onClock();
  attempts(10, 'failed');
  state.nowMs += 5_000;
  breaker.end(breaker.begin(), 'abandoned');
  assert.equal(breaker.waitMs, 0);
  breaker.end(breaker.begin(), 'failed');
  assert.equal(breaker.waitMs, 10_000);
});

test('what began before it opened changes nothing when it fails, and closes it when it succeeds', () => {
  const { state, breaker, attempts } = onClock();
  const [early, late] = [breaker.begin(), breaker.begin()];
  attempts(10, 'failed');
  breaker.end(early, 'failed');
  assert.equal(breaker.waitMs, 5_000);
  state.nowMs += 5_000;
  const probe = breaker.begin();
  breaker.end(late, 'failed');
  assert.equal(breaker.waitMs, INFINITE);
  breaker.end(probe, 'failed');
  assert.equal(breaker.waitMs, 10_000);
  const { breaker: other, attempts: otherAttempts } = onClock();
  const straggler = other.begin();
  otherAttempts(10, 'failed');
  other.end(straggler, 'succeeded');
  assert.deepEqual([other.isOpen, other.waitMs], [false, 0]);
});

test('a probe of an earlier pause doesn’t end that of a later one', () => {
  const { state, breaker, attempts } = onClock();
  const straggler = breaker.begin();
  attempts(10, 'failed');
  state.nowMs += 5_000;
  const first = breaker.begin();
  breaker.end(straggler, 'succeeded');
  attempts(10, 'failed');
  state.nowMs += 5_000;
  const second = breaker.begin();
  breaker.end(first, 'failed');
  assert.equal(breaker.waitMs, INFINITE);
  breaker.end(second, 'succeeded');
  assert.equal(breaker.isOpen, false);
});

test('whatever comes, no attempt begins while it waits, and time alone never locks it for good', () => {
  const random = createRandom(17);
  const { state, breaker } = onClock(random.fraction);
  const passages: number[] = [];
  for (let step = 0; step < 50_000; step++) {
    const isWaiting = breaker.waitMs > 0;
    if (random.below(2) === 0 && passages.length < 10) {
      if (isWaiting) assert.throws(() => breaker.begin(), RangeError);
      else passages.push(breaker.begin());
    } else if (passages.length > 0) {
      const [passage = 0] = passages.splice(random.below(passages.length), 1);
      breaker.end(passage, random.pick(['failed', 'failed', 'failed', 'failed', 'succeeded', 'abandoned']));
    } else {
      // Nothing is under way, so that a probe is allowed when the pause is over.
      state.nowMs += Math.min(breaker.waitMs, 300_000);
      assert.equal(breaker.waitMs, 0);
    }
    if (random.below(3) === 0) state.nowMs += random.below(2_000);
  }
});
