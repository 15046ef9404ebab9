import { Buffer } from 'node:buffer';
import { MillraceError } from '@millrace/runtime';

/**
 * `millrace.ingest.v1.Envelope` (and `AcceptRequest`, which has the same fields) read and written by hand:
 * the one message that every event passes through. Event bytes are sliced, never decoded; see ADR 0003.
 */

const ITEM_TAG = 0x0a;
const TRACEPARENT_TAG = 0x12;
const EVENT_TAG = 0x0a;
const DEDUP_KEY_TAG = 0x12;
const BODY_HASH_TAG = 0x19;
const EVENT_ID_TAG = 0x22;

/** Largest envelope, in bytes, where the server takes so much. */
export const MAX_PARCEL_BYTES = 4 * 1024 * 1024;
/** Largest event, in bytes: what a single body may hold. */
export const MAX_EVENT_BYTES = 1024 * 1024;
/** Largest item, in bytes: an event, its other fields and what frames it. */
export const MAX_ITEM_BYTES = MAX_EVENT_BYTES + 64 * 1024;

/** Length of a dedup key, in bytes. */
export const DEDUP_KEY_BYTES = 16;
const BODY_HASH_BYTES = 8;

/** An item of an envelope. The views share the envelope's memory. */
export interface EnvelopeItem {
  /** The item with its tag and length: concatenating these makes another envelope. */
  readonly framed: Buffer;
  /** The encoded `millrace.event.v1.Event`. */
  readonly event: Buffer;
  /** 16 bytes as a latin1 string, usable as a map key; empty for an event without an id of the client's. */
  readonly dedupKey: string;
  /** 8 bytes as a latin1 string; empty for an event without a dedup key. */
  readonly bodyHash: string;
  readonly eventId: string;
}

/** What an envelope holds. */
export interface EnvelopeContents {
  readonly items: EnvelopeItem[];
  readonly traceparents: string[];
}

/** Bytes that a length takes as a varint. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes a varint below 2^32 and returns the offset behind it. */
export function writeVarint(target: Buffer, value: number, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** What `frameItem` needs. */
export interface NewItem {
  readonly event: Buffer;
  /** 16 bytes as latin1, or empty. */
  readonly dedupKey: string;
  /** 8 bytes as latin1; not kept for an event without a dedup key. */
  readonly bodyHash: string;
  readonly eventId: string;
}

/** Encodes an item with its tag and length, ready to be concatenated into an envelope. */
export function frameItem(item: NewItem): Buffer {
  const { event, dedupKey, eventId } = item;
  const idLength = Buffer.byteLength(eventId);
  const keyLength = dedupKey === '' ? 0 : 2 + DEDUP_KEY_BYTES + 1 + BODY_HASH_BYTES;
  const inner =
    1 + varintLength(event.length) + event.length + keyLength + 1 + varintLength(idLength) + idLength;
  const framed = Buffer.allocUnsafe(1 + varintLength(inner) + inner);
  framed[0] = ITEM_TAG;
  let at = writeVarint(framed, inner, 1);
  framed[at] = EVENT_TAG;
  at = writeVarint(framed, event.length, at + 1);
  framed.set(event, at);
  at += event.length;
  if (keyLength > 0) {
    framed[at] = DEDUP_KEY_TAG;
    framed[at + 1] = DEDUP_KEY_BYTES;
    at += 2 + framed.write(dedupKey, at + 2, 'latin1');
    framed[at] = BODY_HASH_TAG;
    at += 1 + framed.write(item.bodyHash, at + 1, 'latin1');
  }
  framed[at] = EVENT_ID_TAG;
  at = writeVarint(framed, idLength, at + 1);
  framed.write(eventId, at, 'utf8');
  return framed;
}

/** Encodes a sampled request's trace context, ready to be concatenated into an envelope. */
export function frameTraceparent(traceparent: string): Buffer {
  const length = Buffer.byteLength(traceparent);
  const framed = Buffer.allocUnsafe(1 + varintLength(length) + length);
  framed[0] = TRACEPARENT_TAG;
  framed.write(traceparent, writeVarint(framed, length, 1));
  return framed;
}

/** Reads an envelope. Unknown fields are passed over. Throws `invalid_argument` when the bytes aren't one. */
export function readEnvelope(bytes: Buffer): EnvelopeContents {
  const items: EnvelopeItem[] = [];
  const traceparents: string[] = [];
  const cursor = new Cursor(bytes, 0, bytes.length);
  while (cursor.offset < cursor.end) {
    const start = cursor.offset;
    const tag = cursor.varint();
    if (tag === ITEM_TAG) items.push(readItem(bytes, start, cursor));
    else if (tag === TRACEPARENT_TAG) traceparents.push(cursor.bytes().toString('latin1'));
    else cursor.skip(tag);
  }
  return { items, traceparents };
}

function readItem(bytes: Buffer, start: number, outer: Cursor): EnvelopeItem {
  const length = outer.varint();
  const end = outer.offset + length;
  if (end > outer.end) throw malformed('an item ends behind its envelope');
  const cursor = new Cursor(bytes, outer.offset, end);
  let event: Buffer | undefined;
  let dedupKey = '';
  let bodyHash = '';
  let eventId = '';
  while (cursor.offset < end) {
    const tag = cursor.varint();
    if (tag === EVENT_TAG) event = cursor.bytes();
    else if (tag === DEDUP_KEY_TAG) dedupKey = cursor.bytes().toString('latin1');
    else if (tag === BODY_HASH_TAG) bodyHash = cursor.fixed64();
    else if (tag === EVENT_ID_TAG) eventId = cursor.bytes().toString('utf8');
    else cursor.skip(tag);
  }
  if (!event || event.length === 0) throw malformed('an item has no event');
  if (dedupKey.length !== 0 && dedupKey.length !== DEDUP_KEY_BYTES)
    throw malformed('a dedup key is not 16 bytes');
  outer.offset = end;
  return { framed: bytes.subarray(start, end), event, dedupKey, bodyHash, eventId };
}

function malformed(why: string): MillraceError {
  return new MillraceError('invalid_argument', `malformed envelope: ${why}`);
}

class Cursor {
  readonly #bytes: Buffer;
  readonly end: number;
  offset: number;

  constructor(bytes: Buffer, offset: number, end: number) {
    this.#bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.offset];
      if (byte === undefined || this.offset >= this.end) throw malformed('cut off');
      this.offset++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('a length is too large');
  }

  bytes(): Buffer {
    return this.#take(this.varint());
  }

  fixed64(): string {
    return this.#take(8).toString('latin1');
  }

  skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.bytes();
    else if (wireType === 5) this.#take(4);
    else throw malformed(`unknown wire type ${wireType}`);
  }

  #take(length: number): Buffer {
    const from = this.offset;
    const to = from + length;
    if (to > this.end) throw malformed('cut off');
    this.offset = to;
    return this.#bytes.subarray(from, to);
  }
}
