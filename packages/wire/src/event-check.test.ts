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

/** A field that no release has yet, of a wire type. */
function newer(field: number, wireType: 0 | 1 | 2 | 5): Buffer {
  const value = {
    0: [...Array(9).fill(0xff), 1],
    1: Array(8).fill(9),
    2: [3, 0x80, 0, 0xff],
    5: Array(4).fill(9),
  };
  const tag: number[] = [];
  for (let rest = field * 8 + wireType; ; rest = Math.floor(rest / 0x80)) {
    if (rest < 0x80) return Buffer.from([...tag, rest, ...value[wireType]]);
    tag.push((rest % 0x80) | 0x80);
  }
}

test('fields that a newer edge adds may come along, whole ones', () => {
  for (const field of [37, 99, 5_000, 2 ** 29 - 1]) {
    for (const wireType of [0, 1, 2, 5] as const) {
      const extra = newer(field, wireType);
      assert.equal(check(Buffer.concat([event, extra])), true, `${field} ${wireType}`);
      assert.equal(check(Buffer.concat([extra, event, extra])), true, `${field} ${wireType}`);
      assert.equal(
        check(Buffer.concat([event, extra.subarray(0, -1)])),
        false,
        `${field} ${wireType} cut off`,
      );
    }
  }
});

test("the writer's own fields, numbers that no field has, and groups may not", () => {
  for (const field of [16, 17, 18, 19, 20, 21, 36, 2 ** 29]) {
    assert.equal(check(Buffer.concat([event, newer(field, 0)])), false, String(field));
  }
  // A field of the writer's own with a tag longer than it need be.
  assert.equal(check(Buffer.concat([event, Buffer.from([0x80, 0x81, 0x00, 1])])), false);
  // Field 37 as a group, begun and ended.
  assert.equal(check(Buffer.concat([event, Buffer.from([0xab, 0x02, 0xac, 0x02])])), false);
});

test('wrong wire types, no field and nothing at all may not', () => {
  for (const bytes of [[0x08, 1], [0x42, 0], [0x00], [0x78, 1], [0xff], [0x40, ...Array(11).fill(0x80)]]) {
    assert.equal(check(Buffer.from(bytes)), false, String(bytes));
  }
  assert.equal(check(Buffer.alloc(0)), false);
});
