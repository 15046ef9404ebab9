import { Buffer } from 'node:buffer';
import { varintLength, writeVarint } from './envelope.ts';

/** What of an event is stored; the fields are those of `millrace.event.v1.Event`. */
export interface EventFields {
  /** From the credential, never from a body. */
  readonly workspaceId: string;
  /** What the client is answered. */
  readonly eventId: string;
  readonly eventType: string;
  /** The published API that it came through. */
  readonly dialect: string;
  /** Empty where the dialect has none; so are userId and sessionId. */
  readonly source: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** 1 to 10. */
  readonly priority: number;
  readonly labels: readonly string[];
  /** JSON text, byte for byte as it came. */
  readonly payload: string;
  /** JSON text. */
  readonly metadata: string;
  /** 32 hex digits or empty. */
  readonly traceId: string;
}

/**
 * Encodes `millrace.event.v1.Event` by hand: it is the one message on the hot path, and a general encoder takes
 * several times as long. A test holds the result against the generated codec; see ADR 0003.
 */

const TAG = {
  workspaceId: 0x0a,
  eventId: 0x12,
  eventType: 0x1a,
  dialect: 0x22,
  source: 0x2a,
  userId: 0x32,
  sessionId: 0x3a,
  occurredAtMs: 0x40,
  receivedAtMs: 0x48,
  priority: 0x50,
  label: 0x5a,
  payload: 0x62,
  metadata: 0x6a,
  dedupKey: 0x72,
  traceId: 0x7a,
} as const;

/** Longest string whose UTF-8 form surely has a one-byte length. */
const SHORT_CHARS = 42;
const INITIAL_BYTES = 64 * 1024;
/** Tags, lengths, numbers and the dedup key of an event, generously. */
const FIXED_BYTES = 256;

let scratch = Buffer.allocUnsafeSlow(INITIAL_BYTES);

/** The encoded event. The bytes are valid until the next call: copy or frame them before. */
export function encodeEvent(event: EventFields, dedupKey: string): Buffer {
  reserve(event);
  let at = 0;
  at = writeText(TAG.workspaceId, event.workspaceId, at);
  at = writeText(TAG.eventId, event.eventId, at);
  at = writeText(TAG.eventType, event.eventType, at);
  at = writeText(TAG.dialect, event.dialect, at);
  at = writeText(TAG.source, event.source, at);
  at = writeText(TAG.userId, event.userId, at);
  at = writeText(TAG.sessionId, event.sessionId, at);
  at = writeInt64(TAG.occurredAtMs, event.occurredAtMs, at);
  at = writeInt64(TAG.receivedAtMs, event.receivedAtMs, at);
  scratch[at] = TAG.priority;
  at = writeVarint(scratch, event.priority, at + 1);
  for (const label of event.labels) at = writeText(TAG.label, label, at, true);
  at = writeText(TAG.payload, event.payload, at);
  at = writeText(TAG.metadata, event.metadata, at);
  if (dedupKey.length > 0) {
    scratch[at] = TAG.dedupKey;
    scratch[at + 1] = dedupKey.length;
    at += 2 + scratch.write(dedupKey, at + 2, 'latin1');
  }
  at = writeText(TAG.traceId, event.traceId, at);
  return scratch.subarray(0, at);
}

function reserve(event: EventFields): void {
  let chars = event.payload.length + event.metadata.length + event.eventType.length + event.source.length;
  chars += event.userId.length + event.sessionId.length + event.eventId.length + event.workspaceId.length;
  for (const label of event.labels) chars += label.length + 6;
  const needed = FIXED_BYTES + chars * 3;
  if (needed > scratch.length) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
}

function writeText(tag: number, text: string, offset: number, evenIfEmpty = false): number {
  const chars = text.length;
  if (chars === 0 && !evenIfEmpty) return offset;
  scratch[offset] = tag;
  return chars > SHORT_CHARS ? writeLongText(text, offset + 1) : writeShortText(text, offset + 1);
}

function writeShortText(text: string, offset: number): number {
  const bytes = scratch.write(text, offset + 1, 'utf8');
  scratch[offset] = bytes;
  return offset + 1 + bytes;
}

/** Leaves room for the length that ASCII would have, which most text is; only other text has to be written twice. */
function writeLongText(text: string, offset: number): number {
  const start = offset + varintLength(text.length);
  const bytes = scratch.write(text, start, 'utf8');
  const at = writeVarint(scratch, bytes, offset);
  if (at !== start) scratch.write(text, at, 'utf8');
  return at + bytes;
}

/** An int64 varint; negative numbers take ten bytes, as two's complement. */
function writeInt64(tag: number, value: number, offset: number): number {
  scratch[offset] = tag;
  let at = offset + 1;
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      scratch[at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    scratch[at++] = Number(rest);
    return at;
  }
  let rest = value;
  while (rest >= 0x1000_0000) {
    scratch[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  return writeVarint(scratch, rest, at);
}
