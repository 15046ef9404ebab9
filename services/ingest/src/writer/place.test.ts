import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from './batch.ts';
import { partitionOf, placeBehind, placeFrom } from './batch.ts';

const batch = (...messages: [seq: number, storedAt: string][]): Batch => ({
  rows: [],
  poison: [],
  traceparents: [],
  messages: messages.map(([seq, storedAt]) => ({ seq, storedAt })),
  bytes: 0,
});

test('begins where ClickHouse ends', () => {
  assert.deepEqual(placeFrom(7, undefined), { seq: 7, stored: 7 });
  assert.deepEqual(placeFrom(7, { seq: 5, stored: 5 }), { seq: 7, stored: 7 });
});

test('a record that is further wins: the newest rows were deleted', () => {
  assert.deepEqual(placeFrom(3, { seq: 9, stored: 8, afterStoredAt: 't' }), {
    seq: 9,
    stored: 8,
    afterStoredAt: 't',
  });
});

test('a record of an older token is not used: what lies between is read again', () => {
  assert.deepEqual(placeFrom(8, { seq: 9, stored: 7, afterStoredAt: 't' }), { seq: 8, stored: 8 });
});

test('all who insert under one token meet one partition, however far they have read', () => {
  const start = placeFrom(5, undefined);
  // The message behind the token came in November; it was a duplicate, so the next insert begins in December.
  const duplicates = batch([6, '2026-11-30T23:59:59.9Z']);
  const later = batch([7, '2026-12-01T00:00:00.1Z']);
  const behindDuplicates = placeBehind(start, duplicates, undefined);
  assert.equal(behindDuplicates.stored, 5);
  assert.equal(behindDuplicates.seq, 6);
  assert.equal(partitionOf(behindDuplicates, later), 202_611);
  assert.equal(
    partitionOf(start, batch([6, '2026-11-30T23:59:59.9Z'], [7, '2026-12-01T00:00:00.1Z'])),
    202_611,
  );
  // Another process that takes over from the record finds the same.
  assert.equal(partitionOf(placeFrom(5, behindDuplicates), later), 202_611);
});

test('messages of a batch behind its newest row count as read, not as stored', () => {
  const place = placeBehind(
    { seq: 5, stored: 5, afterStoredAt: 'old' },
    batch([6, '2026-11-30T00:00:00Z'], [7, '2026-12-01T00:00:00Z']),
    6,
  );
  assert.deepEqual(place, { seq: 7, stored: 6, afterStoredAt: '2026-12-01T00:00:00Z' });
});
