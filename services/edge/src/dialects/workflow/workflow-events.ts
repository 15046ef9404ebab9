import {
  contextOf,
  countingRejections,
  idempotencyKey,
  requireSameRequest,
} from '../../ingest/decode-context.ts';
import { type ApiDeps, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import type { EventsHandler } from '../events-route/choose.ts';
import { decodeWorkflowEvent } from './decode.ts';
import { encodeAccepted, encodeWorkflowFailure } from './encode.ts';

/** The workflow API's half of `POST /api/v1/events`. */
export function workflowEvents(deps: ApiDeps): EventsHandler {
  return {
    async handle(exchange, grant, earlyBody) {
      requireJson(exchange);
      const body = earlyBody ?? (await exchange.body(BODY_LIMIT_BYTES));
      const event = countingRejections(deps, 'workflow', () =>
        decodeWorkflowEvent(body, idempotencyKey(exchange), contextOf(exchange, grant, deps)),
      );
      // A retry under the same key is answered like the first copy, with that copy's id.
      const outcome = requireSameRequest(await deps.events.submit(event, exchange.traceparent));
      exchange.reply(encodeAccepted(outcome.eventId));
    },
    encodeFailure: encodeWorkflowFailure,
  };
}
