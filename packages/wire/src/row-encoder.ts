import { varintLength, writeVarint } from './envelope.ts';
import { type EventBytes, type PropertyPlan, propertyFields } from './property-fields.ts';

/** An event, still in the bytes of its message, and its place in the stream. */
export interface Row extends EventBytes {
  /** Where the 16 bytes of the dedup key begin in `data`; -1 for an event without. */
  readonly keyAt: number;
  readonly seq: number;
  readonly index: number;
}

/** The event's own bytes. */
export function eventOf(row: Row): Buffer {
  return row.data.subarray(row.start, row.end);
}

// Fields 16 to 19 of millrace.event.v1.Event, all varints: two bytes of tag each.
const SHARD_TAG = [0x80, 0x01] as const;
const SEQ_TAG = [0x88, 0x01] as const;
const INDEX_TAG = [0x90, 0x01] as const;
const MONTH_TAG = [0x98, 0x01] as const;

/** Bytes to send at once: few writes, and not much memory beside the events themselves. */
const CHUNK_BYTES = 512 * 1024;
/** Longest that the length prefix and the appended fields can be. */
const MAX_ADDED_BYTES = 48;

/**
 * Encodes rows as length-delimited messages, a chunk at a time as the receiver asks for them. The event's bytes are
 * copied as they are; a protobuf message is extended by writing more fields behind it. `planOf` says which properties of a
 * workspace's events get fields of their own.
 */
export function* encodeRows(
  rows: readonly Row[],
  shard: number,
  month: number,
  planOf?: (workspaceId: string) => PropertyPlan | undefined,
): Generator<Buffer> {
  const constant = Buffer.alloc(MAX_ADDED_BYTES);
  const constantLength = appendField(constant, MONTH_TAG, month, appendField(constant, SHARD_TAG, shard, 0));
  const position = Buffer.alloc(MAX_ADDED_BYTES);
  let positionLength = 0;
  let seq = -1;
  let left = rows.reduce((bytes, row) => bytes + row.end - row.start + MAX_ADDED_BYTES, 0);
  let chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left));
  let at = 0;
  for (const row of rows) {
    if (row.seq !== seq) {
      seq = row.seq;
      constant.copy(position, 0, 0, constantLength);
      positionLength = appendField(position, SEQ_TAG, seq, constantLength);
    }
    const indexLength = 2 + varintLength(row.index);
    const properties = planOf && propertyFields(row, planOf);
    const length = row.end - row.start + positionLength + indexLength + (properties?.length ?? 0);
    if (at + length + MAX_ADDED_BYTES > chunk.length) {
      if (at > 0) yield chunk.subarray(0, at);
      // A chunk that was handed over belongs to the receiver: it may not be sent yet.
      chunk = Buffer.allocUnsafe(Math.max(Math.min(CHUNK_BYTES, left), length + MAX_ADDED_BYTES));
      at = 0;
    }
    left -= row.end - row.start + MAX_ADDED_BYTES;
    at = writeVarint(chunk, length, at);
    at += row.data.copy(chunk, at, row.start, row.end);
    for (let i = 0; i < positionLength; i++) chunk[at++] = position[i] ?? 0;
    at = appendField(chunk, INDEX_TAG, row.index, at);
    if (properties !== undefined) at += properties.copy(chunk, at);
  }
  if (at > 0) yield chunk.subarray(0, at);
}

function appendField(target: Buffer, tag: readonly [number, number], value: number, offset: number): number {
  target[offset] = tag[0];
  target[offset + 1] = tag[1];
  return value < 0x1_0000_0000
    ? writeVarint(target, value, offset + 2)
    : writeLargeVarint(target, value, offset + 2);
}

/** A sequence above 2^32; JavaScript's shifts would cut it. */
function writeLargeVarint(target: Buffer, value: number, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}
