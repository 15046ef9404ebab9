import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { isExtensibleEvent } from './unpack.ts';

const event = Buffer.from(
  toBinary(
    EventSchema,
    create(EventSchema, {
      workspaceId: 'w',
      eventId: 'e',
      eventType: 't',
      occurredAtMs: -1n,
      receivedAtMs: 1_700_000_000_000n,
      priority: 10,
      labels: ['a', 'b'],
      payload: Buffer.alloc(300),
      dedupKey: Buffer.alloc(16, 1),
      traceId: 'f'.repeat(32),
    }),
  ),
);
const check = (bytes: Buffer) => isExtensibleEvent(bytes, 0, bytes.length);

test('an event as the edge encodes it may be extended', () => {
  assert.equal(check(event), true);
});

test('an event may lie anywhere in a message', () => {
  const around = Buffer.concat([Buffer.alloc(7, 0xff), event, Buffer.alloc(5, 0xff)]);
  assert.equal(isExtensibleEvent(around, 7, 7 + event.length), true);
});

test('one that is cut off may not: it would swallow its own position', () => {
  const boundaries = Array.from({ length: event.length }, (_, length) => check(event.subarray(0, length)));
  const whole = boundaries.filter(Boolean).length;
  // Whole fields remain at a dozen places, nowhere else.
  assert.ok(whole <= 11, `${whole} prefixes pass`);
  assert.equal(check(Buffer.concat([event, Buffer.from([0x0a, 10])])), false);
});

test('one that brings a position of its own may not', () => {
  const forged = toBinary(EventSchema, create(EventSchema, { eventId: 'e', Seq: 99n }));
  assert.equal(check(Buffer.from(forged)), false);
});

test('wrong wire types, unknown fields and nothing at all may not', () => {
  for (const bytes of [[0x08, 1], [0x42, 0], [0x00], [0x78, 1], [0xff], [0x40, ...Array(11).fill(0x80)]]) {
    assert.equal(check(Buffer.from(bytes)), false, String(bytes));
  }
  assert.equal(check(Buffer.alloc(0)), false);
});
