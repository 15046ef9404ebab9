import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { encodeRows, type Row } from './row-encoder.ts';

const encode = (id: string, payloadBytes: number): Buffer =>
  Buffer.from(
    toBinary(EventSchema, create(EventSchema, { eventId: id, payload: Buffer.alloc(payloadBytes, 'x') })),
  );

const row = (data: Buffer, seq: number, index: number): Row => ({
  data,
  start: 0,
  end: data.length,
  keyAt: -1,
  seq,
  index,
});

/** Splits length-delimited messages, as ClickHouse does. */
function* messages(bytes: Buffer) {
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    yield fromBinary(EventSchema, bytes.subarray(at, at + length));
    at += length;
  }
}

test('a row is the event and its position, whatever their sizes', () => {
  const rows = [
    row(encode('a', 0), 1, 0),
    row(encode('b', 200), 1, 1),
    row(encode('c', 20_000), 127, 999),
    row(encode('d', 3_000_000), 2 ** 32 + 5, 0),
    row(encode('e', 1), 2 ** 53 - 1, 128),
  ];
  const chunks = [...encodeRows(rows, 999_998, 202_612)];
  const decoded = [...messages(Buffer.concat(chunks))];
  assert.deepEqual(
    decoded.map((event) => [
      event.eventId,
      event.payload.length,
      event.Shard,
      Number(event.Seq),
      event.Index,
    ]),
    [
      ['a', 0, 999_998, 1, 0],
      ['b', 200, 999_998, 1, 1],
      ['c', 20_000, 999_998, 127, 999],
      ['d', 3_000_000, 999_998, 2 ** 32 + 5, 0],
      ['e', 1, 999_998, 2 ** 53 - 1, 128],
    ],
  );
  assert.ok(decoded.every((event) => event.Month === 202_612));
});

test('many rows are cut into few chunks, none of which is written to again', () => {
  const data = encode('event', 500);
  const rows = Array.from({ length: 5_000 }, (_, i) => row(data, i + 1, 0));
  const copies: Buffer[] = [];
  const chunks: Buffer[] = [];
  for (const chunk of encodeRows(rows, 1_000, 202_611)) {
    chunks.push(chunk);
    copies.push(Buffer.from(chunk));
  }
  assert.ok(chunks.length < 10, `${chunks.length} chunks`);
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat(copies));
  assert.equal([...messages(Buffer.concat(chunks))].length, 5_000);
});
