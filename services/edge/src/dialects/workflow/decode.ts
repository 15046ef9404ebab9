import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipWhitespace } from '../../request/json/scan.ts';
import { memberText } from '../../request/json/spans.ts';
import { boundedText, jsonObject } from '../../request/json-types.ts';

/** The longest event name, in UTF-16 units. */
export const MAX_NAME_CHARS = 255;

const NO_CONTROL_CHARACTERS = { expression: /^\P{Cc}*$/u, message: 'must not contain control characters' };

/** An event of the workflow API: a name, and data of the client's own. */
export const workflowEvent = z.object({
  name: boundedText(1, MAX_NAME_CHARS, NO_CONTROL_CHARACTERS),
  // The documented Go client sends null for a nil map.
  payload: jsonObject().nullish(),
});

const EMPTY_OBJECT = '{}';

/** The event in a workflow request's body. Throws RequestFailure `malformed_json` or `invalid`. */
export function decodeWorkflowEvent(
  body: Buffer,
  idempotencyKey: string | undefined,
  context: DecodeContext,
): CanonicalEvent {
  const json = parseJson(body);
  const { value, text } = json;
  const parsed = workflowEvent.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  const { name, payload } = parsed.data;
  const hasPayload = payload !== undefined && payload !== null;
  return {
    workspaceId: context.workspaceId,
    eventId: context.newId(context.receivedAtMs),
    eventType: name,
    dialect: 'workflow',
    source: '',
    userId: '',
    sessionId: '',
    occurredAtMs: context.receivedAtMs,
    receivedAtMs: context.receivedAtMs,
    priority: 1,
    labels: [],
    payload: hasPayload
      ? (memberText(json, skipWhitespace(json.units, 0), 'payload') ?? EMPTY_OBJECT)
      : EMPTY_OBJECT,
    metadata: EMPTY_OBJECT,
    traceId: context.traceId,
    identity:
      idempotencyKey === undefined ? undefined : { scope: 'workflow', id: idempotencyKey, content: text },
  };
}
