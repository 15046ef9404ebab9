import { MillraceError } from '@millrace/runtime';
import {
  BODY_HASH_TAG,
  DEDUP_KEY_BYTES,
  DEDUP_KEY_TAG,
  type EnvelopeContents,
  type EnvelopeItem,
  EVENT_ID_TAG,
  EVENT_TAG,
  ITEM_TAG,
  TRACEPARENT_TAG,
} from './envelope.ts';

/** Where an event lies in its envelope. Nothing is cut out or decoded: at full load that would cost more than sending. */
export interface UnpackedItem {
  readonly start: number;
  readonly end: number;
  /** Where the 16 bytes of the dedup key begin; -1 for an event without. */
  readonly keyAt: number;
  /** False when the bytes can't be an event: `start` to `end` is then what is there. */
  readonly sound: boolean;
}

/**
 * Walks `millrace.ingest.v1.Envelope` without copying. Returns what is wrong with the envelope, or undefined.
 * Nothing of an envelope that is wrong may be used.
 */
export function unpackEnvelope(
  bytes: Buffer,
  onItem: (item: UnpackedItem) => void,
  onTraceparent: (traceparent: string) => void,
): string | undefined {
  const end = bytes.length;
  if (end === 0) return 'it is empty';
  const outer = new Walk(bytes, 0, end);
  while (outer.at < end) {
    if (!outer.next()) return 'a field is cut off or of no known type';
    if (outer.tag === TRACEPARENT_TAG) onTraceparent(bytes.toString('latin1', outer.start, outer.at));
    if (outer.tag !== ITEM_TAG) continue;
    const item = readItem(bytes, outer.start, outer.at);
    if (typeof item === 'string') return item;
    onItem(item);
  }
  return undefined;
}

/** Reads an envelope. Unknown fields are passed over. Throws `invalid_argument` when the bytes aren't one. */
export function readEnvelope(bytes: Buffer): EnvelopeContents {
  const items: EnvelopeItem[] = [];
  const traceparents: string[] = [];
  const outer = new Walk(bytes, 0, bytes.length);
  while (outer.at < bytes.length) {
    const from = outer.at;
    if (!outer.next()) throw malformed('a field is cut off or of no known type');
    if (outer.tag === TRACEPARENT_TAG) traceparents.push(bytes.toString('latin1', outer.start, outer.at));
    else if (outer.tag === ITEM_TAG) items.push(readWholeItem(bytes, from, outer.start, outer.at));
  }
  return { items, traceparents };
}

function readWholeItem(bytes: Buffer, from: number, start: number, end: number): EnvelopeItem {
  const inner = new Walk(bytes, start, end);
  let event: Buffer | undefined;
  let dedupKey = '';
  let bodyHash = '';
  let eventId = '';
  while (inner.at < end) {
    if (!inner.next()) throw malformed('an item is cut off');
    if (inner.tag === EVENT_TAG) event = bytes.subarray(inner.start, inner.at);
    else if (inner.tag === DEDUP_KEY_TAG) dedupKey = bytes.toString('latin1', inner.start, inner.at);
    else if (inner.tag === BODY_HASH_TAG) bodyHash = bytes.toString('latin1', inner.start, inner.at);
    else if (inner.tag === EVENT_ID_TAG) eventId = bytes.toString('utf8', inner.start, inner.at);
  }
  if (!event || event.length === 0) throw malformed('an item has no event');
  if (dedupKey.length !== 0 && dedupKey.length !== DEDUP_KEY_BYTES)
    throw malformed('a dedup key is not 16 bytes');
  return { framed: bytes.subarray(from, end), event, dedupKey, bodyHash, eventId };
}

function malformed(why: string): MillraceError {
  return new MillraceError('invalid_argument', `malformed envelope: ${why}`);
}

function readItem(bytes: Buffer, from: number, end: number): UnpackedItem | string {
  const inner = new Walk(bytes, from, end);
  let start = -1;
  let eventEnd = -1;
  let keyAt = -1;
  while (inner.at < end) {
    if (!inner.next()) return 'an item is cut off';
    if (inner.tag === EVENT_TAG) {
      start = inner.start;
      eventEnd = inner.at;
    } else if (inner.tag === DEDUP_KEY_TAG && inner.at > inner.start) {
      if (inner.at - inner.start !== DEDUP_KEY_BYTES) return 'a dedup key is not 16 bytes';
      keyAt = inner.start;
    }
  }
  if (start < 0 || eventEnd === start) return 'an item has no event';
  return { start, end: eventEnd, keyAt, sound: isExtensibleEvent(bytes, start, eventEnd) };
}

/** Steps over the fields of a message. */
export class Walk {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;
  tag = 0;
  /** Where the contents of the field begin; `at` is where they end. */
  start = 0;

  constructor(bytes: Buffer, from: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = from;
  }

  /** False when no whole field follows. */
  next(): boolean {
    this.tag = this.#varint();
    const wireType = this.tag & 7;
    this.start = this.at;
    if (wireType === 2) {
      const length = this.#varint();
      this.start = this.at;
      this.at += length;
    } else if (wireType === 0) this.#varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 5) this.at += 4;
    else return false;
    return this.at <= this.#end;
  }

  /** A number too large for any length moves the walk behind the end. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.at++] ?? 0xff;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    this.at = Number.POSITIVE_INFINITY;
    return value;
  }
}

/** Wire types of the fields 1 to 15 of `millrace.event.v1.Event`: 2 for what has a length, 0 for a number. */
const WIRE_TYPES = [-1, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 2, 2, 2, 2, 2];
/** The last of the fields that the writer appends, which begin behind the known ones. */
const OWN_LAST = 36;
/** The highest number that a field may have. */
const LAST_FIELD = 2 ** 29 - 1;

/**
 * Whether bytes are an event that the writer may extend: whole fields, the known ones of the right wire types, none of
 * the writer's own. A field that isn't known is a newer edge's and passes: ClickHouse skips it.
 * An event that ends in the middle of a field would swallow the position that is appended to it.
 */
export function isExtensibleEvent(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    // Tags of the fields 1 to 15 are one byte; a larger one has the high bit set.
    const tag = bytes[at] ?? 0;
    let wireType = tag & 7;
    if (tag < 0x80) {
      if (WIRE_TYPES[tag >> 3] !== wireType) return false;
      at++;
    } else {
      const newer = newerField(bytes, at, end);
      if (newer === undefined) return false;
      wireType = newer.wireType;
      at = newer.at;
    }
    if (wireType === 1 || wireType === 5) {
      at += wireType === 1 ? 8 : 4;
      continue;
    }
    let value = 0;
    let scale = 1;
    let byte = 0x80;
    for (let length = 0; byte >= 0x80; length++) {
      if (at >= end || length === 10) return false;
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
    if (wireType === 2) at += value;
  }
  return at === end && end > start;
}

/** The wire type of a field behind the known ones, and where its value begins. Groups are none: nothing writes them. */
function newerField(bytes: Buffer, from: number, end: number): { wireType: number; at: number } | undefined {
  let tag = 0;
  let scale = 1;
  for (let at = from; at < end && at < from + 5; ) {
    const byte = bytes[at++] ?? 0;
    tag += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte >= 0x80) continue;
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field <= OWN_LAST || field > LAST_FIELD) return undefined;
    return wireType === 0 || wireType === 1 || wireType === 2 || wireType === 5
      ? { wireType, at }
      : undefined;
  }
  return undefined;
}
