import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from '@millrace/runtime';
import { ENDPOINT_GROUPS } from '@millrace/stores';
import { groupOf, groupsOf } from './groups.ts';

test('partitions share the groups out without rest, however many there are', () => {
  for (const partitions of [1, 3, 4, 64]) {
    const all = Array.from({ length: partitions }, (_, partition) => groupsOf(partition, partitions)).flat();
    assert.deepEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: ENDPOINT_GROUPS }, (_, group) => group),
    );
  }
});

test('endpoints spread over the groups, though their ids begin alike', () => {
  const sizes = new Array<number>(ENDPOINT_GROUPS).fill(0);
  for (let i = 0; i < 6_400; i++) {
    const group = groupOf(uuidv7(1_700_000_000_000 + i));
    sizes[group] = (sizes[group] ?? 0) + 1;
  }
  assert.ok(Math.min(...sizes) > 50 && Math.max(...sizes) < 160, sizes.join(' '));
});
