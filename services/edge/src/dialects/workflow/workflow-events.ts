import type { AccessRule } from '../../http/access.ts';
import { authenticate } from '../authenticate.ts';
import { contextOf, countingRejections, requireStored } from '../decode-context.ts';
import { BODY_LIMIT_BYTES, type DialectDeps } from '../dialect.ts';
import type { EventsHandler } from '../events-route/events-handler.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { requireJson } from '../media-type.ts';
import { decodeWorkflowEvent } from './decode.ts';
import { encodeAccepted, encodeWorkflowFailure } from './encode.ts';

const ACCESS: AccessRule = {
  places: ['bearer', 'apiKey', 'beacon'],
  anyOf: ['events:write'],
  limit: 'workflow',
};

/** The workflow API's half of `POST /api/v1/events`. */
export function workflowEvents(deps: DialectDeps): EventsHandler {
  return {
    async handle(exchange, earlyBody) {
      const answer = authenticate(exchange, deps, ACCESS);
      const grant = answer instanceof Promise ? await answer : answer;
      requireJson(exchange);
      const body = earlyBody ?? (await exchange.body(BODY_LIMIT_BYTES));
      const event = countingRejections(deps, 'workflow', () =>
        decodeWorkflowEvent(body, idempotencyKey(exchange), contextOf(exchange, grant, deps)),
      );
      // A retry under the same key is answered like the first copy, with that copy's id.
      const outcome = requireStored(await deps.events.submit(event, exchange.traceparent));
      exchange.reply(encodeAccepted(outcome.eventId));
    },
    encodeFailure: encodeWorkflowFailure,
  };
}
