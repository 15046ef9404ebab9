import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../test/random.ts';
import { Rate } from './rate.ts';

function onClock(perSecond: number) {
  const state = { nowMs: 5_000 };
  return { state, rate: new Rate(perSecond, { monotonic: () => state.nowMs }) };
}

test('a second’s worth is there at once, the next comes at the even rate', () => {
  const { state, rate } = onClock(4);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => rate.take()),
    [0, 0, 0, 0],
  );
  assert.equal(rate.take(), 250);
  state.nowMs += 100;
  assert.equal(rate.take(), 150);
  state.nowMs += 150;
  assert.deepEqual([rate.take(), rate.take()], [0, 250]);
});

test('below one a second: one, then the wait', () => {
  const { state, rate } = onClock(0.1);
  assert.deepEqual([rate.take(), rate.take()], [0, 10_000]);
  state.nowMs += 9_999;
  assert.equal(rate.take(), 1);
  state.nowMs += 1;
  assert.deepEqual([rate.take(), rate.take()], [0, 10_000]);
});

test('0 is no limit', () => {
  const { rate } = onClock(0);
  for (let i = 0; i < 10_000; i++) assert.equal(rate.take(), 0);
});

test('however long the pause was, the bucket holds a second’s worth', () => {
  const { state, rate } = onClock(5);
  state.nowMs += 3_600_000;
  assert.equal(Array.from({ length: 20 }, () => rate.take()).filter((ms) => ms === 0).length, 5);
});

test('in no window are there more than the burst and what the rate gives, and who waits as told gets one', () => {
  const random = createRandom(11);
  for (let round = 0; round < 50; round++) {
    const perSecond = random.pick([random.fraction(), random.fraction() * 10, 1 + random.below(200)]) || 1;
    const burst = Math.max(1, perSecond);
    const { state, rate } = onClock(perSecond);
    const takenAtMs: number[] = [];
    for (let i = 0; i < 400; i++) {
      const waitMs = rate.take();
      if (waitMs === 0) {
        takenAtMs.push(state.nowMs);
        if (random.below(4) === 0) state.nowMs += (random.fraction() * 3_000) / perSecond;
        continue;
      }
      assert.ok(waitMs > 0 && waitMs <= 1_000 / perSecond + 1e-6, `${waitMs} ms at ${perSecond}`);
      // A timer doesn't wake earlier, but for what a double can't hold.
      state.nowMs += waitMs + 1e-6;
      assert.equal(rate.take(), 0);
      takenAtMs.push(state.nowMs);
    }
    for (const [from, startMs] of takenAtMs.entries()) {
      const windows = takenAtMs.slice(from).entries();
      for (const [more, endMs] of windows) {
        const most = burst + ((endMs - startMs) * perSecond) / 1_000;
        assert.ok(more + 1 <= most + 1e-4, `${more + 1} in ${endMs - startMs} ms at ${perSecond}`);
      }
    }
  }
});
