import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { type EventFields, encodeEvent } from './encode-event.ts';

const event: EventFields = {
  workspaceId: '01890000-0000-7000-8000-000000000001',
  eventId: 'evt_1',
  eventType: 'user.created',
  dialect: 'analytics',
  source: '',
  userId: 'user_abc123',
  sessionId: 'session_xyz789',
  occurredAtMs: 1_706_618_096_000,
  receivedAtMs: 1_706_618_096_123,
  priority: 3,
  labels: ['inbox', '', 'ünïcode'],
  payload: '{"n":9007199254740993}',
  metadata: '{}',
  traceId: '0af7651916cd43dd8448eb211c80319c',
};

function roundTrip(changes: Partial<EventFields>, dedupKey = '') {
  return fromBinary(EventSchema, encodeEvent({ ...event, ...changes }, dedupKey));
}

test('the generated codec reads every field back', () => {
  const read = roundTrip({}, '0123456789abcdef');
  assert.equal(read.workspaceId, event.workspaceId);
  assert.equal(read.eventId, event.eventId);
  assert.equal(read.eventType, event.eventType);
  assert.equal(read.dialect, event.dialect);
  assert.equal(read.userId, event.userId);
  assert.equal(read.sessionId, event.sessionId);
  assert.equal(read.occurredAtMs, BigInt(event.occurredAtMs));
  assert.equal(read.receivedAtMs, BigInt(event.receivedAtMs));
  assert.equal(read.priority, event.priority);
  assert.deepEqual(read.labels, event.labels);
  assert.equal(Buffer.from(read.payload).toString(), event.payload);
  assert.equal(Buffer.from(read.metadata).toString(), event.metadata);
  assert.equal(Buffer.from(read.dedupKey).toString('latin1'), '0123456789abcdef');
  assert.equal(read.traceId, event.traceId);
});

test('text of every length and width keeps its bytes', () => {
  for (const unit of ['a', 'é', '漢', '🜚']) {
    for (const length of [1, 8, 21, 24, 25, 41, 42, 43, 63, 64, 127, 128, 1000, 70_000]) {
      const text = unit.repeat(length);
      const read = roundTrip({ payload: text, userId: text, labels: [text] });
      assert.equal(Buffer.from(read.payload).toString(), text);
      assert.equal(read.userId, text);
      assert.deepEqual(read.labels, [text]);
    }
  }
});

test('times before 1970 and far ahead keep their value', () => {
  for (const ms of [
    0,
    1,
    127,
    128,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 31,
    2 ** 35,
    8_640_000_000_000_000,
    -1,
    -2_208_988_800_000,
  ]) {
    assert.equal(roundTrip({ occurredAtMs: ms }).occurredAtMs, BigInt(ms));
  }
});

test('a dedup key keeps bytes above 127', () => {
  const key = Buffer.from('00ff80c3a97f0102fffefdfcfbfaf9f8', 'hex').toString('latin1');
  assert.equal(Buffer.from(roundTrip({}, key).dedupKey).toString('latin1'), key);
});
