import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from '@millrace/wire';
import { findRefusedRows } from './insert-batch.ts';

const rows: Row[] = Array.from({ length: 1_000 }, (_, seq) => ({
  data: Buffer.alloc(0),
  start: 0,
  end: 0,
  keyAt: -1,
  seq,
  index: 0,
}));

test('finds every refused row in few trial reads', async () => {
  const bad = new Set([0, 500, 501, 999]);
  let reads = 0;
  const { refused } = await findRefusedRows(rows, async (part) => {
    reads++;
    return part.some(({ seq }) => bad.has(seq)) ? { kind: 'unreadable', detail: 'no' } : { kind: 'answered' };
  });
  assert.deepEqual(
    refused.map(({ row }) => row.seq),
    [0, 500, 501, 999],
  );
  assert.ok(reads < 80, `${reads} reads`);
});

test('finds none when the rows are good: it was the way', async () => {
  assert.deepEqual(await findRefusedRows(rows, async () => ({ kind: 'answered' })), {
    refused: [],
    tried: 1_000,
  });
});

test('ends when most rows are bad, and never reads more often than it may', async () => {
  let reads = 0;
  const reading = (isBad: (seq: number) => boolean) => async (part: readonly Row[]) => {
    reads++;
    return part.some(({ seq }) => isBad(seq))
      ? ({ kind: 'unreadable', detail: 'no' } as const)
      : ({ kind: 'answered' } as const);
  };
  const all = await findRefusedRows(
    rows,
    reading(() => true),
  );
  assert.deepEqual([all.refused.length, all.tried], [100, 100]);
  assert.ok(reads < 250, `${reads} reads`);
  reads = 0;
  const third = await findRefusedRows(
    rows,
    reading((seq) => seq % 3 === 0),
  );
  assert.equal(reads, 1_000);
  assert.ok(third.refused.length > 100 && third.refused.length < 334, `${third.refused.length} found`);
});
