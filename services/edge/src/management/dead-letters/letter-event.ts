import { type ReadEvent, readEvent } from '@millrace/wire';
import { z } from 'zod';
import { checkNewEvent, newEventSchema } from '../../dialects/native/new-event.ts';
import type { CanonicalEvent, DialectName } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { BODY_LIMIT_BYTES } from '../../request/api.ts';
import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipWhitespace } from '../../request/json/scan.ts';
import { readMembers } from '../../request/json/spans.ts';
import { requireJson } from '../../request/media-type.ts';
import type { Exchange } from '../../server/exchange.ts';
import { type Issue, RequestFailure } from '../../server/failure.ts';

const { id: _, type, ...otherFields } = newEventSchema.shape;

/** Body of `PATCH /v1/dead-letters/:id`: what of the event is to be otherwise. Its id stays what the client was answered. */
export const editBody = z
  .strictObject({ type: type.optional(), ...otherFields })
  .meta({ id: 'DeadLetterEdit', examples: [{ priority: 10, payload: { plan: 'pro' } }] });

/** What of an event is to be otherwise. */
export interface LetterEdit {
  /** As the body has them. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Their JSON as it was sent, where the fields have them. */
  readonly payload: string | undefined;
  readonly metadata: string | undefined;
}

const NO_EDIT: LetterEdit = { fields: {}, payload: undefined, metadata: undefined };

/** Reads the body of an edit. Throws RequestFailure. */
export async function receiveEdit(exchange: Exchange): Promise<LetterEdit> {
  requireJson(exchange);
  const json = parseJson(await exchange.body(BODY_LIMIT_BYTES));
  const parsed = editBody.safeParse(json.value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, json.value));
  // The schema lets nothing but an object pass.
  const fields = json.value as Readonly<Record<string, unknown>>;
  if (Object.keys(fields).length === 0) {
    throw invalid([{ code: 'custom', path: [], message: 'The body changes nothing' }]);
  }
  const found: (string | undefined)[] = [];
  readMembers(json, skipWhitespace(json.units, 0), ['payload', 'metadata'], found);
  return { fields, payload: found[0], metadata: found[1] };
}

/** A letter's event, or what has to be edited before it can be one. */
export type LetterEvent =
  | { readonly kind: 'valid'; readonly event: CanonicalEvent }
  | { readonly kind: 'invalid'; readonly issue: Issue };

/**
 * A letter's event as if it came to the door now, by the rules of native events, with an edit where there is one. Without an edit a
 * damaged one isn't valid: nobody has looked at what is missing.
 */
export function checkLetterEvent(bytes: Uint8Array, context: DecodeContext, edit?: LetterEdit): LetterEvent {
  const read = readEvent(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!read.isWhole && edit === undefined) return refused(['event'], 'is damaged: edit it before the replay');
  const { fields, ...texts } = edit ?? NO_EDIT;
  const payload = 'payload' in fields ? undefined : parsePart(read, 'payload');
  const metadata = 'metadata' in fields ? undefined : parsePart(read, 'metadata');
  if (payload && 'issue' in payload) return refused(['payload'], payload.issue);
  if (metadata && 'issue' in metadata) return refused(['metadata'], metadata.issue);
  const input = {
    type: read.eventType,
    source: read.source,
    userId: read.userId,
    sessionId: read.sessionId,
    occurredAt: occurredAt(read),
    priority: read.priority || undefined,
    labels: read.labels,
    payload: payload?.value,
    metadata: metadata?.value,
    ...fields,
  };
  const checked = checkNewEvent(
    input,
    { payload: payload?.text ?? texts.payload, metadata: metadata?.text ?? texts.metadata },
    context,
  );
  if (checked.kind === 'invalid') return refused(pathOf(checked.error.field), checked.error.issue);
  const { event } = checked;
  const eventId = read.eventId || event.eventId;
  return { kind: 'valid', event: { ...event, eventId, dialect: dialectOf(read), traceId: read.traceId } };
}

function refused(path: Issue['path'], message: string): LetterEvent {
  return { kind: 'invalid', issue: { code: 'custom', path, message } };
}

function pathOf(field: string): Issue['path'] {
  return [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name = '', index]) =>
    index === undefined ? name : Number(index),
  );
}

function parsePart(read: ReadEvent, part: 'payload' | 'metadata') {
  const bytes = read[part];
  if (bytes.length === 0) return { value: {}, text: '{}' };
  try {
    return parseJson(bytes);
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    const { failure } = error;
    return { issue: failure.kind === 'invalid' ? failure.issues[0].message : 'is no JSON' };
  }
}

/** RFC 3339 text; what is no time stays what it is, and is refused. A damaged event that has none happened when it was replayed. */
function occurredAt({ occurredAtMs, isWhole }: ReadEvent): string | undefined {
  if (occurredAtMs === 0 && !isWhole) return undefined;
  const time = new Date(occurredAtMs);
  return Number.isNaN(time.getTime()) ? String(occurredAtMs) : time.toISOString();
}

const DIALECTS: readonly DialectName[] = [
  'workflow',
  'analytics',
  'email',
  'external-event',
  'cloudevents',
  'chatbot',
  'native',
];

function dialectOf({ dialect }: ReadEvent): DialectName {
  return DIALECTS.find((name) => name === dialect) ?? 'native';
}
