import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameItem, frameTraceparent } from './envelope.ts';
import { readEnvelope, type UnpackedItem, unpackEnvelope } from './unpack.ts';

const KEY = '0123456789abcdef';
const item = (text: string, dedupKey = '') =>
  // Field 2 with a length: a small but sound event.
  frameItem({
    event: Buffer.concat([Buffer.from([0x12, text.length]), Buffer.from(text)]),
    dedupKey,
    bodyHash: '12345678',
    eventId: 'id',
  });

function unpack(bytes: Buffer) {
  const items: UnpackedItem[] = [];
  const traceparents: string[] = [];
  const problem = unpackEnvelope(
    bytes,
    (found) => items.push(found),
    (traceparent) => traceparents.push(traceparent),
  );
  return { items, traceparents, problem };
}

test('finds the same events and keys as a full read of the envelope', () => {
  const bytes = Buffer.concat([
    item('one'),
    item('two', KEY),
    frameTraceparent('00-trace-01'),
    item('three'),
  ]);
  const { items, traceparents, problem } = unpack(bytes);
  assert.equal(problem, undefined);
  assert.deepEqual(traceparents, ['00-trace-01']);
  assert.deepEqual(
    items.map(({ start, end, keyAt }) => [
      bytes.toString('latin1', start, end),
      keyAt < 0 ? '' : bytes.toString('latin1', keyAt, keyAt + 16),
    ]),
    readEnvelope(bytes).items.map(({ event, dedupKey }) => [event.toString('latin1'), dedupKey]),
  );
  assert.ok(items.every(({ sound }) => sound));
});

test('says what is wrong with every envelope that is cut off inside an item, and never reads on', () => {
  const bytes = Buffer.concat([item('one', KEY), item('two', KEY)]);
  const first = item('one', KEY).length;
  for (let length = 0; length < bytes.length; length++) {
    const { problem } = unpack(bytes.subarray(0, length));
    if (length !== first) assert.notEqual(problem, undefined, `cut at ${length}`);
  }
});

test('random bytes end in a verdict', () => {
  let state = 1;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state & 0xff;
  };
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(Array.from({ length: round % 64 }, random));
    const { items } = unpack(bytes);
    assert.ok(items.every(({ start, end }) => start >= 0 && end <= bytes.length));
  }
});

test('an event that is no whole event is told apart, and the others stand', () => {
  const broken = frameItem({
    event: Buffer.from([0x12, 9]),
    dedupKey: '',
    bodyHash: '12345678',
    eventId: '',
  });
  const { items, problem } = unpack(Buffer.concat([item('one'), broken]));
  assert.equal(problem, undefined);
  assert.deepEqual(
    items.map(({ sound }) => sound),
    [true, false],
  );
});

test('fields that a newer release adds are passed over, in the envelope and in its items', () => {
  // Field 20 of each wire type: a number of ten bytes, eight bytes, a length, four bytes.
  const newer = Buffer.from([
    ...[0xa0, 0x01, ...Array(9).fill(0xff), 0x01],
    ...[0xa1, 0x01, 1, 2, 3, 4, 5, 6, 7, 8],
    ...[0xa2, 0x01, 2, 0xff, 0xff],
    ...[0xa5, 0x01, 1, 2, 3, 4],
  ]);
  const plain = item('one', KEY);
  const extended = Buffer.concat([
    Buffer.from([0x0a, plain.length - 2 + newer.length]),
    plain.subarray(2),
    newer,
  ]);
  const bytes = Buffer.concat([newer, extended, newer]);
  const { items, problem } = unpack(bytes);
  assert.equal(problem, undefined);
  assert.deepEqual(
    items.map(({ sound }) => sound),
    [true],
  );
  const [read] = readEnvelope(bytes).items;
  assert.equal(read?.dedupKey, KEY);
  assert.deepEqual(read?.framed, extended, 'what is not known travels on');
});
