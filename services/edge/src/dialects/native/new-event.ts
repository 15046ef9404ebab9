import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { BODY_LIMIT_BYTES } from '../../request/api.ts';
import { toIssues } from '../../request/issues.ts';
import { boundedText, jsonObject, timestamp, wholeNumber } from '../../request/json-types.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';

/** Ids of this space meet, whether they come by REST, Connect or gRPC. */
const SCOPE = 'native';

const optionalText = (max: number) => boundedText(0, max).nullish();

/** `millrace.api.v1.NewEvent` as JSON; null and an empty id are as good as absent, unknown fields are dropped. */
export const newEventSchema = z
  .object({
    id: optionalText(128).describe("The client's own id: makes a retry safe. Without it a UUIDv7 is made"),
    type: boundedText(1, 255)
      .regex(/^\P{Cc}*$/u, 'must not contain control characters')
      .describe('What happened, for example `user.created`'),
    source: optionalText(255).describe('Where it happened'),
    userId: optionalText(128).describe('The user it is about'),
    sessionId: optionalText(128).describe('The session it belongs to'),
    occurredAt: timestamp().nullish().describe('When it happened; now, when absent'),
    priority: wholeNumber(1, 10).nullish().describe('1 (normal, the default) to 10 (critical)'),
    labels: z.array(boundedText(0, 100)).max(100).nullish().describe('Free labels'),
    payload: jsonObject().nullish().describe('The data, stored byte for byte'),
    metadata: jsonObject().nullish().describe('Anything else to keep beside it'),
  })
  .meta({
    id: 'NewEvent',
    description: 'An event',
    examples: [{ id: 'evt_1', type: 'user.created', userId: 'user_1', payload: { plan: 'pro' } }],
  });

/** The JSON texts of an event's payload and metadata, undefined where absent. */
export interface EventTexts {
  readonly payload: string | undefined;
  readonly metadata: string | undefined;
}

/** What is wrong with one event. */
export interface FieldError {
  /** For example `labels[2]`; empty when it is the event itself. */
  readonly field: string;
  readonly issue: string;
}

/** An event that may be submitted, or why not. */
export type CheckedEvent =
  | { readonly kind: 'valid'; readonly event: CanonicalEvent }
  | { readonly kind: 'invalid'; readonly id: string; readonly error: FieldError };

/** Bytes of an event's payload and metadata: what a request with one event may carry, and well below what the stream takes. */
const MAX_EVENT_BYTES = BODY_LIMIT_BYTES;
/** What is wrong with an event beyond that. */
export const TOO_LARGE = `must have at most ${MAX_EVENT_BYTES} bytes, metadata included`;

/** Whether an event's texts are beyond the limit. Only long ones are measured: no character has more than three bytes a unit. */
export function isTooLarge(payload: string, metadata: string): boolean {
  if ((payload.length + metadata.length) * 3 <= MAX_EVENT_BYTES) return false;
  return Buffer.byteLength(payload) + Buffer.byteLength(metadata) > MAX_EVENT_BYTES;
}

const NO_LABELS: readonly string[] = [];

/** The one validator of the native API, for REST, Connect and gRPC. */
export function checkNewEvent(input: unknown, texts: EventTexts, context: DecodeContext): CheckedEvent {
  const parsed = newEventSchema.safeParse(input);
  if (!parsed.success) {
    const issue = toIssues(parsed.error, input)[0];
    return invalid(input, fieldOf(issue?.path ?? []), issue?.message ?? 'Invalid');
  }
  const { data } = parsed;
  const payload = data.payload ? (texts.payload ?? '{}') : '{}';
  const metadata = data.metadata ? (texts.metadata ?? '{}') : '{}';
  if (isTooLarge(payload, metadata)) return invalid(input, 'payload', TOO_LARGE);
  const { receivedAtMs } = context;
  const identity = data.id
    ? { scope: SCOPE, id: data.id, content: contentOf(data, payload, metadata) }
    : undefined;
  const event: CanonicalEvent = {
    workspaceId: context.workspaceId,
    eventId: data.id || context.newId(receivedAtMs),
    eventType: data.type,
    dialect: 'native',
    source: data.source ?? '',
    userId: data.userId ?? '',
    sessionId: data.sessionId ?? '',
    occurredAtMs: data.occurredAt ?? receivedAtMs,
    receivedAtMs,
    priority: data.priority ?? 1,
    labels: data.labels ?? NO_LABELS,
    payload,
    metadata,
    traceId: context.traceId,
    identity,
  };
  return { kind: 'valid', event };
}

/** What a retry repeats. No field can hold a NUL, so that two different events never read the same. */
function contentOf(data: z.output<typeof newEventSchema>, payload: string, metadata: string): string {
  const labels = data.labels ?? NO_LABELS;
  const head = `${data.type}\0${data.source ?? ''}\0${data.userId ?? ''}\0${data.sessionId ?? ''}\0${data.occurredAt ?? ''}`;
  return `${head}\0${data.priority ?? 1}\0${labels.length}\0${labels.join('\0')}\0${payload}\0${metadata}`;
}

function invalid(input: unknown, field: string, issue: string): CheckedEvent {
  return { kind: 'invalid', id: idOf(input), error: { field, issue } };
}

/** The client's id of an event that is wrong otherwise, so that the answer can be matched to it. */
function idOf(input: unknown): string {
  if (typeof input !== 'object' || input === null || !('id' in input)) return '';
  return typeof input.id === 'string' && input.id.length <= 128 ? input.id : '';
}
