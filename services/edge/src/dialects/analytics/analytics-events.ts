import type { AccessRule } from '../../http/access.ts';
import { authenticate } from '../authenticate.ts';
import { contextOf, countingRejections, requireStored } from '../decode-context.ts';
import { BODY_LIMIT_BYTES, type DialectDeps } from '../dialect.ts';
import type { EventsHandler } from '../events-route/events-handler.ts';
import { requireJson } from '../media-type.ts';
import { decodeAnalyticsEvent } from './decode.ts';
import { encodeAnalyticsFailure, encodeOutcome } from './encode.ts';

/** Who may send events. */
export const WRITE_ACCESS: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };

/** The analytics API's half of `POST /api/v1/events`. */
export function analyticsEvents(deps: DialectDeps): EventsHandler {
  return {
    async handle(exchange, earlyBody) {
      const answer = authenticate(exchange, deps, WRITE_ACCESS);
      const grant = answer instanceof Promise ? await answer : answer;
      requireJson(exchange);
      const body = earlyBody ?? (await exchange.body(BODY_LIMIT_BYTES));
      const event = countingRejections(deps, 'analytics', () =>
        decodeAnalyticsEvent(body, contextOf(exchange, grant, deps)),
      );
      const outcome = requireStored(await deps.events.submit(event, exchange.traceparent));
      exchange.reply(encodeOutcome(outcome.kind === 'accepted', outcome.eventId));
    },
    encodeFailure: encodeAnalyticsFailure,
  };
}
