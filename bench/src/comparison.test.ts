import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareInTurn, spreadOf } from './comparison.ts';

test('the median of an even number of values lies between the middle two', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(spreadOf([9]), { median: 9, min: 9, max: 9 });
  assert.throws(() => spreadOf([]), /nothing was measured/);
});

test('sides take turns, each going first in every other round', async () => {
  const order: string[] = [];
  const side = (name: string, rate: number) => async (round: number) => {
    order.push(`${name}${round}`);
    return { rate: rate * (round + 1), cpuMicros: 100 / rate, busy: 1 };
  };
  const { ratio, cpuRatio } = await compareInTurn({ rounds: 3, ours: side('o', 5), raw: side('r', 10) });
  assert.deepEqual(order, ['o0', 'r0', 'r1', 'o1', 'o2', 'r2']);
  assert.deepEqual(ratio, { median: 0.5, min: 0.5, max: 0.5 });
  assert.equal(cpuRatio.median, 0.5);
});
