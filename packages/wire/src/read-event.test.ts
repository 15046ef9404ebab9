import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { encodeEvent } from './encode-event.ts';
import { readEvent, readTypeAndUser } from './read-event.ts';

const FIELDS = {
  workspaceId: 'w-1',
  eventId: 'e-1',
  eventType: 'user.created',
  dialect: 'native',
  source: '/source',
  userId: 'ü',
  sessionId: '',
  occurredAtMs: -1,
  receivedAtMs: 1_706_618_096_789,
  priority: 300,
  labels: ['a', '', 'c'],
  payload: '{"n":123456789012345678901234567}',
  metadata: '{}',
  traceId: 'f'.repeat(32),
};
const encoded = () => Buffer.from(encodeEvent(FIELDS, 'k'.repeat(16)));

test('what was encoded is read back, each byte of the payload', () => {
  const { payload, metadata, isWhole, ...read } = readEvent(encoded());
  assert.equal(isWhole, true);
  assert.deepEqual({ ...read, payload: payload.toString(), metadata: metadata.toString() }, FIELDS);
});

test('a field of a newer edge is passed over', () => {
  const newer = Buffer.concat([encoded(), Buffer.from([0xa2, 0x01, 1, 65])]);
  assert.equal(readEvent(newer).isWhole, true);
});

test('of an event that is cut off anywhere the fields before are read, and it is not whole', () => {
  const bytes = encoded();
  let whole = 0;
  for (let length = 0; length < bytes.length; length++) {
    const read = readEvent(bytes.subarray(0, length));
    assert.ok(read.workspaceId === '' || read.workspaceId === FIELDS.workspaceId);
    assert.equal(read.workspaceId === '', length < 5, `${length} bytes`);
    if (read.isWhole) whole++;
  }
  // Between two fields nothing shows that there were more.
  assert.equal(whole, 15);
});

test('type and user alone are what the generated decoder reads, wherever they stand and however often', () => {
  const field = (tag: number, text: string) =>
    Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text)]);
  const [type, user] = [(text: string) => field(0x1a, text), (text: string) => field(0x32, text)];
  const newer = Buffer.from([0x92, 0x03, 1, 65]);
  const long = Buffer.from(
    encodeEvent({ ...FIELDS, userId: 'ü'.repeat(100), eventType: 't'.repeat(255) }, ''),
  );
  const cases = [
    encoded(),
    long,
    Buffer.concat([user('late'), newer, encoded(), type('again')]),
    Buffer.concat([type('a'), user('b'), type(''), user('c')]),
    field(0x0a, 'w'),
    Buffer.alloc(0),
  ];
  for (const bytes of cases) {
    const { eventType, userId } = fromBinary(EventSchema, bytes);
    assert.deepEqual(readTypeAndUser(bytes), { eventType, userId });
  }
  for (let length = 0; length < encoded().length; length++) readTypeAndUser(encoded().subarray(0, length));
});

describe('an event has no workspace', () => {
  const workspace = (bytes: Buffer) => Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
  const cases: Readonly<Record<string, Buffer>> = {
    'that names two': Buffer.concat([workspace(Buffer.from('w1')), workspace(Buffer.from('w2'))]),
    'whose name is no UTF-8': workspace(Buffer.from([0xff, 0xfe])),
    'whose name is cut off': workspace(Buffer.from('w1')).subarray(0, 3),
    'that is empty': Buffer.alloc(0),
    'that is noise': Buffer.alloc(1_000, 0xff),
    'whose length is beyond all bounds': Buffer.from([0x0a, ...Array(9).fill(0xff), 0x01]),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    test(what, () => assert.equal(readEvent(bytes).workspaceId, ''));
  }
});
