import { isUtf8 } from 'node:buffer';
import type { EventFields } from './encode-event.ts';
import { Walk } from './unpack.ts';

/** An encoded event as far as it can be read; what is missing is empty, a number 0. */
export interface ReadEvent extends Omit<EventFields, 'payload' | 'metadata'> {
  /** JSON text as it was sent; part of it at most where the event is damaged. */
  readonly payload: Buffer;
  readonly metadata: Buffer;
  /** Whether every field could be read. */
  readonly isWhole: boolean;
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** The texts of `millrace.event.v1.Event`, by their field numbers. */
const TEXTS: Readonly<Record<number, TextField>> = {
  1: 'workspaceId',
  2: 'eventId',
  3: 'eventType',
  4: 'dialect',
  5: 'source',
  6: 'userId',
  7: 'sessionId',
  15: 'traceId',
};
type TextField =
  | 'workspaceId'
  | 'eventId'
  | 'eventType'
  | 'dialect'
  | 'source'
  | 'userId'
  | 'sessionId'
  | 'traceId';

const NUMBERS: Readonly<Record<number, 'occurredAtMs' | 'receivedAtMs' | 'priority'>> = {
  8: 'occurredAtMs',
  9: 'receivedAtMs',
  10: 'priority',
};
const LABEL = 11;
const PAYLOAD = 12;
const METADATA = 13;

/**
 * Reads `millrace.event.v1.Event` up to where it is damaged. An event that names no workspace, or two, has none: nobody may see
 * what may be somebody else's.
 */
export function readEvent(bytes: Buffer): ReadEvent {
  const texts: Record<TextField, string> = {
    workspaceId: '',
    eventId: '',
    eventType: '',
    dialect: '',
    source: '',
    userId: '',
    sessionId: '',
    traceId: '',
  };
  const numbers = { occurredAtMs: 0, receivedAtMs: 0, priority: 0 };
  const labels: string[] = [];
  const workspaces = new Set<string>();
  let payload: Buffer = Buffer.alloc(0);
  let metadata: Buffer = Buffer.alloc(0);
  const cursor = { at: 0 };
  let isWhole = bytes.length > 0;
  while (cursor.at < bytes.length) {
    const field = readField(bytes, cursor);
    const text = field && TEXTS[field.number];
    const number = field && NUMBERS[field.number];
    if (field === undefined || !isOfItsType(field)) {
      isWhole = false;
      break;
    }
    if (text !== undefined) {
      texts[text] = field.value.toString('utf8');
      if (text === 'workspaceId') workspaces.add(field.value.toString('latin1'));
    } else if (number !== undefined) numbers[number] = field.varint;
    else if (field.number === LABEL) labels.push(field.value.toString('utf8'));
    else if (field.number === PAYLOAD) payload = field.value;
    else if (field.number === METADATA) metadata = field.value;
  }
  if (workspaces.size !== 1) texts.workspaceId = '';
  return { ...texts, ...numbers, labels, payload, metadata, isWhole };
}

const EVENT_TYPE_TAG = 0x1a;
const USER_ID_TAG = 0x32;

/**
 * The type and the user of `millrace.event.v1.Event`, with the rest stepped over. Empty where there is none; of a field that comes
 * twice the last, as every decoder takes it.
 */
export function readTypeAndUser(bytes: Buffer): Pick<EventFields, 'eventType' | 'userId'> {
  const walk = new Walk(bytes, 0, bytes.length);
  let [typeFrom, typeTo, userFrom, userTo] = [0, 0, 0, 0];
  while (walk.at < bytes.length && walk.next()) {
    if (walk.tag === EVENT_TYPE_TAG) [typeFrom, typeTo] = [walk.start, walk.at];
    else if (walk.tag === USER_ID_TAG) [userFrom, userTo] = [walk.start, walk.at];
  }
  return {
    eventType: bytes.toString('utf8', typeFrom, typeTo),
    userId: bytes.toString('utf8', userFrom, userTo),
  };
}

const DEDUP_KEY_TAG = 0x72;

/** The dedup key of `millrace.event.v1.Event`, 16 bytes; undefined for an event without. */
export function readDedupKey(bytes: Buffer): Buffer | undefined {
  const walk = new Walk(bytes, 0, bytes.length);
  let key: Buffer | undefined;
  while (walk.at < bytes.length && walk.next()) {
    if (walk.tag === DEDUP_KEY_TAG && walk.at > walk.start) key = bytes.subarray(walk.start, walk.at);
  }
  return key;
}

interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly value: Buffer;
  /** As a signed 64-bit number; what is beyond a double's integers loses its last digits. */
  readonly varint: number;
}

/** The next field, undefined where none can be read. */
function readField(bytes: Buffer, cursor: { at: number }): Field | undefined {
  const tag = readVarint(bytes, cursor);
  if (tag === undefined || tag < 8n || tag >= 1n << 32n) return undefined;
  const number = Number(tag >> 3n);
  const wireType = Number(tag & 7n);
  const start = cursor.at;
  let varint = 0n;
  if (wireType === FIXED64) cursor.at += 8;
  else if (wireType === FIXED32) cursor.at += 4;
  else if (wireType === VARINT || wireType === DELIMITED) {
    const read = readVarint(bytes, cursor);
    if (read === undefined) return undefined;
    varint = read;
  } else return undefined;
  const from = wireType === DELIMITED ? cursor.at : start;
  if (wireType === DELIMITED) cursor.at += Number(varint);
  if (cursor.at > bytes.length) return undefined;
  const value = bytes.subarray(from, cursor.at);
  return { number, wireType, value, varint: Number(BigInt.asIntN(64, varint)) };
}

function readVarint(bytes: Buffer, cursor: { at: number }): bigint | undefined {
  let value = 0n;
  for (let length = 0n; length < 10n; length++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << (7n * length);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  return undefined;
}

function isOfItsType({ number, wireType, value }: Field): boolean {
  if (TEXTS[number] !== undefined || number === LABEL) return wireType === DELIMITED && isUtf8(value);
  if (NUMBERS[number] !== undefined) return wireType === VARINT;
  return number === PAYLOAD || number === METADATA ? wireType === DELIMITED : true;
}

/**
 * What makes a replay of a dead letter recognisable: its place in the stream, so that however often it is replayed, and whoever
 * crashes meanwhile, one event is stored.
 */
export function deadLetterIdentity(letterId: string): { readonly scope: string; readonly id: string } {
  return { scope: 'dead-letter', id: letterId };
}
