import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import type { JsonText } from '../../request/json/scan.ts';
import { skipValue, skipWhitespace } from '../../request/json/scan.ts';
import { forEachElement, readMembers } from '../../request/json/spans.ts';
import { isJsonObject } from '../../request/json-types.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import type { Issue } from '../../server/failure.ts';
import { type CheckedEvent, isTooLarge, TOO_LARGE } from '../native/new-event.ts';
import { checkCloudEvent, toEvent } from './cloud-event.ts';

/** Events in a batch. */
export const MAX_BATCH_EVENTS = 1_000;

type Read = { readonly event: CanonicalEvent } | { readonly issues: readonly Issue[] };

/** Decodes `application/cloudevents+json`; throws RequestFailure `malformed_json`, or `invalid` naming the attributes. */
export function decodeStructured(body: Buffer, context: DecodeContext): CanonicalEvent {
  const json = parseJson(body);
  const { read } = readAt(json.value, json, skipWhitespace(json.units, 0), context);
  if ('issues' in read) throw invalid(read.issues);
  return read.event;
}

/** Decodes `application/cloudevents-batch+json`; a bad event is invalid by itself. */
export function decodeBatch(body: Buffer, context: DecodeContext): CheckedEvent[] {
  const json = parseJson(body);
  const { value, units } = json;
  if (!Array.isArray(value))
    throw invalid([{ code: 'custom', path: [], message: 'The body must be an array of CloudEvents' }]);
  if (value.length > MAX_BATCH_EVENTS)
    throw invalid([{ code: 'custom', path: [], message: `A batch has at most ${MAX_BATCH_EVENTS} events` }]);
  const events: CheckedEvent[] = [];
  forEachElement(units, skipWhitespace(units, 0), (start) => {
    const element: unknown = value[events.length];
    const { read, end } = readAt(element, json, start, context);
    events.push(toItem(element, read));
    return end;
  });
  return events;
}

function readAt(
  value: unknown,
  json: JsonText,
  start: number,
  context: DecodeContext,
): { readonly read: Read; readonly end: number } {
  if (!isJsonObject(value)) {
    const message = 'Expected a CloudEvent, a JSON object';
    return {
      read: { issues: [{ code: 'invalid_type', path: [], message }] },
      end: skipValue(json.units, start),
    };
  }
  const found: (string | undefined)[] = [undefined];
  const end = readMembers(json, start, ['data'], found);
  const checked = checkCloudEvent(value);
  return { read: 'issues' in checked ? checked : { event: toEvent(checked, found[0], context) }, end };
}

function toItem(element: unknown, read: Read): CheckedEvent {
  if ('issues' in read) return invalidItem(element, read.issues[0]);
  const { event } = read;
  if (!isTooLarge(event.payload, event.metadata)) return { kind: 'valid', event };
  return invalidItem(element, { code: 'too_big', path: ['data'], message: TOO_LARGE });
}

function invalidItem(element: unknown, issue: Issue | undefined): CheckedEvent {
  const id = isJsonObject(element) && typeof element['id'] === 'string' ? element['id'].slice(0, 256) : '';
  return {
    kind: 'invalid',
    id,
    error: { field: fieldOf(issue?.path ?? []), issue: issue?.message ?? 'Invalid' },
  };
}
