import { hash } from 'node:crypto';
import { LATEST_MS } from '@millrace/runtime';
import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid, toIssues, wrongType } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipValue, skipWhitespace } from '../../request/json/scan.ts';
import { forEachElement, memberText, readMembers } from '../../request/json/spans.ts';
import { boundedText, isJsonObject, jsonObject, textList, wholeNumber } from '../../request/json-types.ts';
import type { Issue } from '../../server/failure.ts';

/** Events in a batch. */
const MAX_BATCH_EVENTS = 100;

/** Milliseconds since 1970, as far as the event store's columns reach. */
const unixMs = () => wholeNumber(0, LATEST_MS);

/** An event of the e-mail API. The order of the fields is that of the issues in an answer. */
export const emailEvent = z.object({
  email_id: boundedText(1, 255),
  domain: boundedText(1, 255),
  labels: textList(100).default([]),
  event_time: unixMs().optional(),
  received_at: unixMs().optional(),
  metadata: jsonObject().optional(),
});

/** What a valid event holds. */
type EmailEvent = z.infer<typeof emailEvent>;

/** A batch; what checks one checks its size first, so that nothing is done for events beyond it. */
export const emailBatch = z.array(emailEvent).max(MAX_BATCH_EVENTS);

/** What the e-mail decoder needs besides: the clock gives a time to events without one. */
export interface EmailDecodeContext extends DecodeContext {
  readonly now: () => number;
}

const EMPTY_OBJECT = '{}';
const RAW_MEMBERS = ['metadata'];

/** The event in a request's body. Throws RequestFailure `malformed_json` or `invalid`. */
export function decodeEmailEvent(body: Buffer, context: EmailDecodeContext): CanonicalEvent {
  const json = parseJson(body);
  const { value } = json;
  const parsed = emailEvent.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  return toCanonical(parsed.data, memberText(json, skipWhitespace(json.units, 0), 'metadata'), context);
}

/** The events of a batch, in order. Throws like `decodeEmailEvent`, with the issues of every event that is bad. */
export function decodeEmailBatch(body: Buffer, context: EmailDecodeContext): CanonicalEvent[] {
  const json = parseJson(body);
  const { value, units } = json;
  if (!Array.isArray(value)) throw invalid([wrongType('array', value, [])]);
  if (value.length > MAX_BATCH_EVENTS) throw invalid([tooMany()]);
  const events: CanonicalEvent[] = [];
  const issues: Issue[] = [];
  let index = 0;
  forEachElement(units, skipWhitespace(units, 0), (start) => {
    const item: unknown = value[index];
    const parsed = emailEvent.safeParse(item);
    if (!parsed.success) issues.push(...toIssues(parsed.error, item, [index]));
    index++;
    if (!isJsonObject(item)) return skipValue(units, start);
    const raw: (string | undefined)[] = [];
    const end = readMembers(json, start, RAW_MEMBERS, raw);
    if (parsed.success) events.push(toCanonical(parsed.data, raw[0], context));
    return end;
  });
  if (issues.length > 0) throw invalid(issues);
  return events;
}

/** The e-mail's identity in answers and in the store: its sender's domain is the salt, so that the id itself is kept nowhere. */
export function emailHash(emailId: string, domain: string): string {
  return hash('sha256', `${emailId}:${domain}`);
}

function toCanonical(
  event: EmailEvent,
  metadata: string | undefined,
  context: EmailDecodeContext,
): CanonicalEvent {
  const hashHex = emailHash(event.email_id, event.domain);
  const nowMs = context.now();
  const eventTimeMs = event.event_time ?? nowMs;
  return {
    workspaceId: context.workspaceId,
    eventId: hashHex,
    eventType: 'email',
    dialect: 'email',
    source: event.domain,
    userId: '',
    sessionId: '',
    occurredAtMs: eventTimeMs,
    receivedAtMs: context.receivedAtMs,
    priority: 1,
    labels: event.labels,
    payload: `{"domain":${JSON.stringify(event.domain)},"received_at":${event.received_at ?? nowMs}}`,
    metadata: metadata ?? EMPTY_OBJECT,
    traceId: context.traceId,
    // Hash and time are all that the document compares; there is no answer for one that differs otherwise.
    identity: { scope: 'email', id: `${hashHex}:${eventTimeMs}`, content: '' },
  };
}

function tooMany(): Issue {
  const extra = { maximum: MAX_BATCH_EVENTS, type: 'array', inclusive: true, exact: false };
  const message = `Array must contain at most ${MAX_BATCH_EVENTS} element(s)`;
  return { code: 'too_big', extra, message, path: [] };
}
