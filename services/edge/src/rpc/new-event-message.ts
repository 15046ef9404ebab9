import type { JsonObject } from '@bufbuild/protobuf';
import type { NewEvent } from '@millrace/contracts/millrace/api/v1/event';
import {
  type CheckedEvent,
  checkNewEvent,
  type EventTexts,
  type FieldError,
} from '../dialects/native/new-event.ts';
import type { DecodeContext } from '../ingest/decode-context.ts';
import { parseJson } from '../request/json/parse.ts';
import { fieldOf } from '../request/problem/describe-failure.ts';
import { RequestFailure } from '../server/failure.ts';
import { BAD_TIME, isStorable, toMilliseconds, UNSTORABLE } from './message-fields.ts';

/** A part of a message that is JSON: its value and the text that is kept. */
type JsonPart = { readonly value: unknown; readonly text: string | undefined };

const ABSENT: JsonPart = { value: undefined, text: undefined };

/** Checks an event that came as a message, by the validator that REST uses. */
export function checkMessage(message: NewEvent, context: DecodeContext): CheckedEvent {
  const read = readMessage(message);
  if ('issue' in read) return { kind: 'invalid', id: echoedId(message), error: read };
  return checkNewEvent(read.input, read.texts, context);
}

/** What a message says, as the validator takes it. */
export interface ReadMessage {
  /** As the JSON of an event has it; what is unset is an empty text, an empty list, or undefined. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly texts: EventTexts;
}

/** Reads a message; what JSON could not have said is refused. */
export function readMessage(message: NewEvent): ReadMessage | FieldError {
  const { id, type, source, userId, sessionId, labels } = message;
  const texts = { id, type, source, userId, sessionId };
  for (const [field, value] of Object.entries(texts)) {
    if (!isStorable(value)) return { field, issue: UNSTORABLE };
  }
  const badLabel = labels.findIndex((label) => !isStorable(label));
  if (badLabel !== -1) return { field: `labels[${badLabel}]`, issue: UNSTORABLE };
  const occurredAtMs = toMilliseconds(message.occurredAt);
  if (occurredAtMs === null) return { field: 'occurredAt', issue: BAD_TIME };
  const payload = readPart('payload', () => payloadBytes(message));
  if ('issue' in payload) return payload;
  const metadata = readPart('metadata', () => message.metadata && structBytes(message.metadata));
  if ('issue' in metadata) return metadata;
  const input = {
    ...texts,
    labels,
    occurredAt: occurredAtMs === undefined ? undefined : new Date(occurredAtMs).toISOString(),
    // Unset and zero are the same on the wire.
    priority: message.priority === 0 ? undefined : message.priority,
    payload: payload.value,
    metadata: metadata.value,
  };
  return { input, texts: { payload: payload.text, metadata: metadata.text } };
}

function payloadBytes({ data }: NewEvent): Buffer | undefined {
  switch (data.case) {
    case 'payload':
      return structBytes(data.value);
    case 'payloadJson':
      return Buffer.from(data.value.buffer, data.value.byteOffset, data.value.byteLength);
    case undefined:
      return undefined;
  }
}

/** Throws RequestFailure `invalid` for a number that JSON can't say. */
function structBytes(struct: JsonObject): Buffer {
  const text = JSON.stringify(struct);
  // Such a number is written as null, so that a text without one needs no second look.
  const path = text.includes('null') ? findNonFinite(struct) : undefined;
  if (path === undefined) return Buffer.from(text);
  const message = 'must be a finite number: JSON has no NaN or infinity';
  throw new RequestFailure({ kind: 'invalid', issues: [{ code: 'custom', path, message }] });
}

/** The path to the first number that is NaN or infinite. The reader of messages has limited the depth. */
function findNonFinite(value: unknown): (string | number)[] | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : [];
  if (typeof value !== 'object' || value === null) return undefined;
  const members: Iterable<[string | number, unknown]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value);
  for (const [name, member] of members) {
    const path = findNonFinite(member);
    if (path) return [name, ...path];
  }
  return undefined;
}

/** Read as text even where protobuf has parsed it already, so that the limits on depth, names and characters are the same. */
function readPart(field: string, bytes: () => Buffer | undefined): JsonPart | FieldError {
  try {
    const body = bytes();
    return body ? parseJson(body) : ABSENT;
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    const { failure } = error;
    if (failure.kind === 'malformed_json') {
      return { field, issue: failure.message.replace('The request body', 'it') };
    }
    if (failure.kind !== 'invalid') throw error;
    return { field: fieldOf([field, ...failure.issues[0].path]), issue: failure.issues[0].message };
  }
}

/** The client's id where an answer can repeat it. */
export function echoedId({ id }: NewEvent): string {
  return id.length <= 128 && isStorable(id) ? id : '';
}
