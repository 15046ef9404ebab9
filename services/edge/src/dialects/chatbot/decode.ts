import { z } from 'zod';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipWhitespace } from '../../request/json/scan.ts';
import { memberText } from '../../request/json/spans.ts';
import { boundedText, jsonObject } from '../../request/json-types.ts';

const NO_CONTROL_CHARACTERS = { expression: /^\P{Cc}*$/u, message: 'must not contain control characters' };

/** What the document's `triggerWebhook` is told, without the customer, who is the credential's; unknown fields are dropped. */
export const triggerBody = z
  .object({
    event: boundedText(1, 255, NO_CONTROL_CHARACTERS).describe('What happened'),
    data: jsonObject().nullish().describe('The data, delivered byte for byte'),
  })
  .meta({
    id: 'WebhookTrigger',
    examples: [
      { event: 'message.received', data: { conversationId: 'uuid', messageId: 'uuid', content: 'Hello!' } },
    ],
  });

const EMPTY_OBJECT = '{}';

/** The event in a body. Throws RequestFailure `malformed_json` or `invalid`. */
export function decodeTrigger(
  body: Buffer,
  idempotencyKey: string | undefined,
  context: DecodeContext,
): CanonicalEvent {
  const json = parseJson(body);
  const { value, text } = json;
  const parsed = triggerBody.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  const { event, data } = parsed.data;
  const { workspaceId, receivedAtMs, traceId } = context;
  return {
    workspaceId,
    eventId: context.newId(receivedAtMs),
    eventType: event,
    dialect: 'chatbot',
    source: '',
    userId: '',
    sessionId: '',
    occurredAtMs: receivedAtMs,
    receivedAtMs,
    priority: 1,
    labels: [],
    payload: data ? (memberText(json, skipWhitespace(json.units, 0), 'data') ?? EMPTY_OBJECT) : EMPTY_OBJECT,
    metadata: EMPTY_OBJECT,
    traceId,
    identity:
      idempotencyKey === undefined ? undefined : { scope: 'chatbot', id: idempotencyKey, content: text },
  };
}
