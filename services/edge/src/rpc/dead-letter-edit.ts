import { create } from '@bufbuild/protobuf';
import type { EditDeadLetterRequest } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { type NewEvent, NewEventSchema } from '@millrace/contracts/millrace/api/v1/event';
import { fieldError } from '@millrace/runtime';
import type { LetterEdit } from '../management/dead-letters/letter-event.ts';
import { invalid } from '../request/issues.ts';
import { readMessage } from './new-event-message.ts';

/** The fields that a mask may name, as JSON has them. */
const FIELDS: Readonly<Record<string, Exclude<keyof NewEvent, `$${string}` | 'data' | 'id'> | 'payload'>> = {
  type: 'type',
  source: 'source',
  user_id: 'userId',
  session_id: 'sessionId',
  occurred_at: 'occurredAt',
  priority: 'priority',
  labels: 'labels',
  payload: 'payload',
  payload_json: 'payload',
  metadata: 'metadata',
};

/** What of a letter's event is to be otherwise. Throws MillraceError and RequestFailure, both naming the field. */
export function toEdit({ event, updateMask }: EditDeadLetterRequest): LetterEdit {
  const paths = updateMask?.paths ?? [];
  if (paths.length === 0) throw fieldError('update_mask', 'names no field');
  const wanted = new Set(
    paths.map((path) => {
      const field = Object.hasOwn(FIELDS, path) ? FIELDS[path] : undefined;
      if (field === undefined) throw fieldError('update_mask', 'names a field that can not be edited');
      return field;
    }),
  );
  const read = readMessage(only(wanted, event ?? create(NewEventSchema)));
  if ('issue' in read) throw invalid([{ code: 'custom', path: [read.field], message: read.issue }]);
  // Null takes a field away, as it does in JSON.
  const fields = Object.fromEntries([...wanted].map((field) => [field, read.input[field] ?? null]));
  return { fields, ...read.texts };
}

/** A message with these fields: what the mask leaves out may be anything. */
function only(wanted: ReadonlySet<string>, event: NewEvent): NewEvent {
  const { $typeName, $unknown, id, data, ...others } = event;
  return create(NewEventSchema, {
    ...Object.fromEntries(Object.entries(others).filter(([field]) => wanted.has(field))),
    ...(wanted.has('payload') && { data }),
  });
}
