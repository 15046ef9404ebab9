import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogReader, StreamMessage } from '@millrace/stores';
import { collectBatch, gatheringMs } from './collect.ts';

const limits = { rows: 50_000, bytes: 1_000, waitMs: 1_000 };

function readerOf(count: number): LogReader {
  const left = Array.from(
    { length: count },
    (_, i): StreamMessage => ({ seq: i + 1, data: Buffer.alloc(100), storedAt: '2026-11-22T00:00:00Z' }),
  );
  return {
    take: () => left.shift(),
    wait: async () => undefined,
    pending: 0,
    close: async () => undefined,
  };
}

test('a lone event waits 50 ms, events at full load as long as allowed', () => {
  assert.equal(gatheringMs(1, limits), 50);
  assert.equal(gatheringMs(2_500, limits), 500);
  assert.equal(gatheringMs(50_000, limits), 1_000);
});

test('a batch ends at its bytes, with whole messages', async () => {
  let now = 0;
  const clock = { now: () => 0, monotonic: () => now++ };
  const batch = await collectBatch({
    reader: readerOf(50),
    limits,
    waitMs: 1_000,
    until: new AbortController().signal,
    clock,
  });
  assert.equal(batch?.messages.length, 10);
});

test('a batch ends when its first event has waited long enough', async () => {
  let now = 0;
  const clock = { now: () => 0, monotonic: () => (now += 10) };
  const options = { limits, waitMs: 50, until: new AbortController().signal, clock };
  const batch = await collectBatch({ reader: readerOf(3), ...options });
  assert.equal(batch?.messages.length, 3);
  assert.ok(now <= 80);
});

test('closing ends the wait for a first message, and sends what is there', async () => {
  const closed = AbortSignal.abort();
  const clock = { now: () => 0, monotonic: () => 0 };
  const options = { limits, waitMs: 50, until: closed, clock };
  assert.equal(await collectBatch({ reader: readerOf(0), ...options }), undefined);
  assert.equal((await collectBatch({ reader: readerOf(2), ...options }))?.messages.length, 2);
});
