import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import {
  contextOf,
  countingRejections,
  idempotencyKey,
  requireSameRequest,
} from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import { jsonReply } from '../../request/response.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { decodeTrigger, triggerBody } from './decode.ts';
import { chatbotError, encodeChatbotFailure } from './encode.ts';

/** What it makes is an event like any other: who only looks after endpoints may not make one. */
const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:write'] };

/** The chatbot API's way to make an event: the document's `triggerWebhook` as a route. */
export const chatbotDialect: Api = {
  name: 'chatbot',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/webhooks/trigger',
      access: ACCESS,
      documentation: documentation(),
      handle: (exchange, grant) => handle(exchange, grant, deps),
      encodeFailure: encodeChatbotFailure,
    },
  ],
};

const triggered = z.strictObject({ id: z.string() }).meta({ id: 'TriggeredWebhook' });

async function handle(exchange: Exchange, grant: Grant, deps: ApiDeps): Promise<void> {
  requireJson(exchange);
  const body = await exchange.body(BODY_LIMIT_BYTES);
  const event = countingRejections(deps, 'chatbot', () =>
    decodeTrigger(body, idempotencyKey(exchange), contextOf(exchange, grant, deps)),
  );
  // A retry under the same key is answered like the first copy, with that copy's id.
  const { eventId } = requireSameRequest(await deps.events.submit(event, exchange.traceparent));
  exchange.reply(jsonReply(triggered, 202, { id: eventId }));
}

function documentation(): RouteDocumentation {
  return {
    summary: 'Trigger webhooks',
    description:
      'Makes an event, which every endpoint and trigger of the workspace that subscribes to it gets. Needs `events:write`. With an `Idempotency-Key` header a retry is stored, and delivered, once.',
    tag: 'Webhooks',
    requestBody: { 'application/json': triggerBody },
    responses: {
      202: {
        description: 'The event is durable; `id` is its id',
        schema: triggered,
        example: { id: '0190a1b2-0000-7000-8000-000000000006' },
      },
    },
    errors: chatbotError,
    failures: [
      {
        kind: 'conflict',
        eventId: 'evt_1',
        description: 'Another body was accepted before under this `Idempotency-Key`; this one is not stored',
      },
      {
        kind: 'unavailable',
        retryAfterSeconds: 1,
        description: 'The event could not be made durable: send it again',
      },
    ],
  };
}
