import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { NewEvent } from '@millrace/contracts/millrace/api/v1/event';
import { type CheckedEvent, checkNewEvent, type FieldError } from '../dialects/native/new-event.ts';
import type { DecodeContext } from '../ingest/decode-context.ts';
import { parseJson } from '../request/json/parse.ts';
import { fieldOf } from '../request/problem/describe-failure.ts';
import { RequestFailure } from '../server/failure.ts';

/** A part of a message that is JSON: its value and the text that is kept. */
type JsonPart = { readonly value: unknown; readonly text: string | undefined };

const ABSENT: JsonPart = { value: undefined, text: undefined };

/** Checks an event that came as a message, by the validator that REST uses. */
export function checkMessage(message: NewEvent, context: DecodeContext): CheckedEvent {
  const { id, type, source, userId, sessionId, labels } = message;
  const texts = { id, type, source, userId, sessionId };
  for (const [field, value] of Object.entries(texts)) {
    if (!isStorable(value)) return invalid(message, { field, issue: UNSTORABLE });
  }
  const badLabel = labels.findIndex((label) => !isStorable(label));
  if (badLabel !== -1) return invalid(message, { field: `labels[${badLabel}]`, issue: UNSTORABLE });
  const occurredAt = readTime(message);
  if (occurredAt === null)
    return invalid(message, { field: 'occurredAt', issue: 'Expected a time from 1900 to 2299' });
  const payload = readPart('payload', () => payloadBytes(message));
  if ('issue' in payload) return invalid(message, payload);
  const metadata = readPart(
    'metadata',
    () => message.metadata && Buffer.from(JSON.stringify(message.metadata)),
  );
  if ('issue' in metadata) return invalid(message, metadata);
  const input = {
    ...texts,
    labels,
    occurredAt,
    // Unset and zero are the same on the wire.
    priority: message.priority === 0 ? undefined : message.priority,
    payload: payload.value,
    metadata: metadata.value,
  };
  return checkNewEvent(input, { payload: payload.text, metadata: metadata.text }, context);
}

const UNSTORABLE = 'must not hold NUL or a lone surrogate';

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function payloadBytes({ data }: NewEvent): Buffer | undefined {
  switch (data.case) {
    case 'payload':
      return Buffer.from(JSON.stringify(data.value));
    case 'payloadJson':
      return Buffer.from(data.value.buffer, data.value.byteOffset, data.value.byteLength);
    case undefined:
      return undefined;
  }
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

/** RFC 3339 text, undefined when unset, null when out of a date's range. */
function readTime({ occurredAt }: NewEvent): string | undefined | null {
  if (!occurredAt) return undefined;
  const date = timestampDate(occurredAt);
  const year = date.getUTCFullYear();
  // Years of more than four digits have no RFC 3339 form; NaN compares false.
  return year >= 1 && year <= 9999 ? date.toISOString() : null;
}

/** The client's id where an answer can repeat it. */
export function echoedId({ id }: NewEvent): string {
  return id.length <= 128 && isStorable(id) ? id : '';
}

function invalid(message: NewEvent, error: FieldError): CheckedEvent {
  return { kind: 'invalid', id: echoedId(message), error };
}
