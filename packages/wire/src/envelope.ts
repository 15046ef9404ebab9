import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/**
 * `millrace.ingest.v1.Envelope` (and `AcceptRequest`, which has the same fields) read and written by hand:
 * the one message that every event passes through. Event bytes are sliced, never decoded; see ADR 0003.
 */

/** Tags of the fields: number × 8 + wire type. */
export const ITEM_TAG = 0x0a;
export const TRACEPARENT_TAG = 0x12;
export const EVENT_TAG = 0x0a;
export const DEDUP_KEY_TAG = 0x12;
export const BODY_HASH_TAG = 0x19;
export const EVENT_ID_TAG = 0x22;

/** Largest envelope, in bytes, where the server takes so much. */
export const MAX_PARCEL_BYTES = 4 * 1024 * 1024;
/** Largest event, in bytes: what a single body may hold. */
export const MAX_EVENT_BYTES = 1024 * 1024;
/** Largest item, in bytes: an event, its other fields and what frames it. */
export const MAX_ITEM_BYTES = MAX_EVENT_BYTES + 64 * 1024;

/** Lengths of a dedup key and of a body hash, in bytes. */
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

/** Stands for the hash of an event that can't have a duplicate. */
export const NO_BODY_HASH = '';

/**
 * The key under which duplicates of an event meet: 16 bytes of SHA-256, as latin1.
 * Neither a workspace nor a scope can hold a line feed, so no two identities run together.
 */
export function dedupKey(
  workspaceId: string,
  identity: { readonly scope: string; readonly id: string },
): string {
  return sha256(`${workspaceId}\n${identity.scope}\n${identity.id}`, DEDUP_KEY_BYTES);
}

/** 8 bytes of SHA-256 over what a retry repeats, as latin1. */
export function bodyHash(content: string): string {
  return sha256(content, BODY_HASH_BYTES);
}

function sha256(text: string, bytes: number): string {
  return hash('sha256', text, 'binary').slice(0, bytes);
}
