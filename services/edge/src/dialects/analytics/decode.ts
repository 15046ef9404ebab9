import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid, toIssues, wrongType } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipWhitespace } from '../../request/json/scan.ts';
import { forEachElement, memberStart, readMembers } from '../../request/json/spans.ts';
import { boundedText, isJsonObject, jsonObject, timestamp, wholeNumber } from '../../request/json-types.ts';
import type { Issue } from '../../server/failure.ts';

/** Events in a batch. */
const MAX_BATCH_EVENTS = 1000;

const EVENT_TYPE = {
  expression: /^[a-zA-Z][a-zA-Z0-9_.-]*$/,
  message: 'must start with a letter and hold only letters, digits, "_", "." and "-"',
};

/** An event of the analytics API. */
export const analyticsEvent = z.object({
  eventType: boundedText(1, 100, EVENT_TYPE),
  userId: boundedText(1, 128),
  sessionId: boundedText(1, 128),
  timestamp: timestamp(),
  metadata: jsonObject().optional(),
  payload: jsonObject().optional(),
  priority: wholeNumber(1, 10).default(1),
  eventId: boundedText(1, 128).optional(),
});

/** What a valid event holds. */
type AnalyticsEvent = z.infer<typeof analyticsEvent>;

/** A batch; its events are checked one at a time, so that the first bad one ends the work. */
export const analyticsBatch = z.object({ events: z.array(analyticsEvent).min(1).max(MAX_BATCH_EVENTS) });

const EMPTY_OBJECT = '{}';
const RAW_MEMBERS = ['payload', 'metadata'];

/** The event in a request's body. Throws RequestFailure `malformed_json` or `invalid`. */
export function decodeAnalyticsEvent(body: Buffer, context: DecodeContext): CanonicalEvent {
  const json = parseJson(body);
  const { text } = json;
  const event = check(json.value);
  if (event.payload === undefined && event.metadata === undefined) {
    return toCanonical(event, undefined, undefined, text, context);
  }
  const raw: (string | undefined)[] = [];
  readMembers(json, skipWhitespace(json.units, 0), RAW_MEMBERS, raw);
  return toCanonical(event, raw[0], raw[1], text, context);
}

/** The events in a batch's body, in order. Throws like `decodeAnalyticsEvent`, for the first event that is bad. */
export function decodeAnalyticsBatch(body: Buffer, context: DecodeContext): CanonicalEvent[] {
  const json = parseJson(body);
  const { text, units } = json;
  const items = checkBatch(json.value);
  const events: CanonicalEvent[] = [];
  forEachElement(units, memberStart(units, skipWhitespace(units, 0), 'events') ?? 0, (start) => {
    const event = check(items[events.length], ['events', events.length]);
    const raw: (string | undefined)[] = [];
    const end = readMembers(json, start, RAW_MEMBERS, raw);
    events.push(toCanonical(event, raw[0], raw[1], text.slice(start, end), context));
    return end;
  });
  return events;
}

function check(value: unknown, prefix: readonly (string | number)[] = []): AnalyticsEvent {
  const parsed = analyticsEvent.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value, prefix));
  return parsed.data;
}

function checkBatch(value: unknown): readonly unknown[] {
  if (!isJsonObject(value)) throw invalid([wrongType('object', value, [])]);
  const items: unknown = Object.hasOwn(value, 'events') ? value['events'] : undefined;
  if (!Array.isArray(items)) throw invalid([wrongType('array', items, ['events'])]);
  if (items.length === 0) throw invalid([sizeIssue('too_small', 'at least 1')]);
  if (items.length > MAX_BATCH_EVENTS) throw invalid([sizeIssue('too_big', `at most ${MAX_BATCH_EVENTS}`)]);
  return items;
}

function sizeIssue(code: 'too_small' | 'too_big', bound: string): Issue {
  return { code, path: ['events'], message: `Array must contain ${bound} element(s)` };
}

function toCanonical(
  event: AnalyticsEvent,
  payload: string | undefined,
  metadata: string | undefined,
  content: string,
  context: DecodeContext,
): CanonicalEvent {
  const { eventId } = event;
  return {
    workspaceId: context.workspaceId,
    eventId: eventId ?? generateId(context),
    eventType: event.eventType,
    dialect: 'analytics',
    source: '',
    userId: event.userId,
    sessionId: event.sessionId,
    occurredAtMs: event.timestamp,
    receivedAtMs: context.receivedAtMs,
    priority: event.priority,
    labels: [],
    payload: payload ?? EMPTY_OBJECT,
    metadata: metadata ?? EMPTY_OBJECT,
    traceId: context.traceId,
    identity: eventId === undefined ? undefined : { scope: 'analytics', id: eventId, content },
  };
}

/** The document's ids begin with `evt_`; a UUIDv7 keeps them unique and in order of time. */
function generateId(context: DecodeContext): string {
  const id = context.newId(context.receivedAtMs);
  return `evt_${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24)}`;
}
