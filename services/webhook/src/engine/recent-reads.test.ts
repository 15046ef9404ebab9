import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamedMessage } from '@millrace/wire';
import type { EventFeed } from './ports.ts';
import { createRecentReads } from './recent-reads.ts';

type Range = Parameters<EventFeed['read']>[0];

/** A stream that has these messages, and the sequences from which it was read. */
function streamOf(seqs: readonly number[], bytes = 10) {
  const readFrom: number[] = [];
  const read = async ({ fromSeq, toSeq, maxMessages }: Range): Promise<StreamedMessage[]> => {
    readFrom.push(fromSeq);
    return seqs
      .filter((seq) => seq >= fromSeq && seq <= toSeq)
      .slice(0, maxMessages)
      .map((seq) => ({ seq, data: Buffer.alloc(bytes, seq) }));
  };
  return { readFrom, reads: createRecentReads({ read }) };
}

const seqsOf = async (reading: Promise<StreamedMessage[]>) => (await reading).map(({ seq }) => seq);
const range = (fromSeq: number, toSeq = 100): Range => ({
  ...{ fromSeq, toSeq, maxMessages: 4, maxBytes: 1_000, signal: AbortSignal.timeout(10_000) },
});

test('what was read not long ago is not read again, from any place in it', async () => {
  const { reads, readFrom } = streamOf([1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await seqsOf(reads.read(range(1))), [1, 2, 3, 4]);
  assert.deepEqual(await seqsOf(reads.read(range(3))), [3, 4]);
  assert.deepEqual(await seqsOf(reads.read(range(1, 2))), [1, 2]);
  assert.deepEqual(await seqsOf(reads.read(range(5))), [5, 6]);
  assert.deepEqual(readFrom, [1, 5]);
});

test('sequences that the stream lacks are passed over, and asked for again where nothing else was read', async () => {
  const { reads, readFrom } = streamOf([2, 5, 9]);
  assert.deepEqual(await seqsOf(reads.read(range(1))), [2, 5, 9]);
  assert.deepEqual(await seqsOf(reads.read(range(3))), [5, 9]);
  assert.deepEqual(await seqsOf(reads.read(range(3, 4))), []);
  assert.deepEqual(await seqsOf(reads.read(range(10))), []);
  assert.deepEqual(await seqsOf(reads.read(range(10))), []);
  assert.deepEqual(readFrom, [1, 3, 10, 10]);
});

test('it keeps 16 MiB at most', async () => {
  const { reads, readFrom } = streamOf([1, 2, 3], 7 * 1024 * 1024);
  for (const seq of [1, 2, 3, 3, 2, 1]) await reads.read({ ...range(seq), maxMessages: 1 });
  assert.deepEqual(readFrom, [1, 2, 3, 1]);
});

test('what it is told to forget is read again', async () => {
  const { reads, readFrom } = streamOf([1, 2]);
  await reads.read(range(1));
  reads.forget();
  await reads.read(range(2));
  assert.deepEqual(readFrom, [1, 2]);
});
