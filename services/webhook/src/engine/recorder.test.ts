import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import type { AttemptRow } from '@millrace/stores';
import { createRecorder } from './recorder.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const row = (attempt: number, bytes = 0) =>
  ({ attempt, response: Buffer.alloc(bytes), error: '' }) as unknown as AttemptRow;

test('rows that come together are one insert, and each waits until it is stored', async () => {
  const inserts: number[][] = [];
  let store = Promise.withResolvers<void>();
  const recorder = createRecorder({
    async insert(rows) {
      inserts.push(rows.map(({ attempt }) => attempt));
      await store.promise;
    },
    log,
  });
  const stored: number[] = [];
  const record = (attempt: number) => recorder.record(row(attempt)).then(() => stored.push(attempt));
  const first = [record(1), record(2)];
  while (inserts.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = [record(3), record(4)];
  assert.deepEqual([inserts, stored, recorder.waiting], [[[1, 2]], [], 4]);
  store.resolve();
  await Promise.all(first);
  store = Promise.withResolvers();
  store.resolve();
  await Promise.all(second);
  assert.deepEqual(inserts, [
    [1, 2],
    [3, 4],
  ]);
  // One that comes when the last insert has just ended is not left behind.
  await record(5);
  assert.deepEqual(recorder.waiting, 0);
});

test('while the store is away the same rows are tried again, and too many hold attempts back', async () => {
  const tried: number[] = [];
  let isAway = true;
  const recorder = createRecorder({
    async insert(rows) {
      tried.push(rows.length);
      if (isAway) throw new Error('away');
    },
    log,
  });
  const first = recorder.record(row(1));
  while (tried.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(recorder.isFull, false);
  const big = Array.from({ length: 70 }, (_, i) => recorder.record(row(i, 1024 * 1024)));
  assert.equal(recorder.isFull, true);
  isAway = false;
  await Promise.all([first, ...big]);
  assert.deepEqual([recorder.isFull, recorder.waiting], [false, 0]);
});

test('closing gives up what can not be stored in time', async () => {
  const recorder = createRecorder({ insert: () => Promise.reject(new Error('away')), log });
  let isStored = false;
  void recorder.record(row(1)).then(() => {
    isStored = true;
  });
  await recorder.close(AbortSignal.timeout(50));
  assert.equal(isStored, false);
});
