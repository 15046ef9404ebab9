import { contextOf, countingRejections, requireStored } from '../../ingest/decode-context.ts';
import { type ApiDeps, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import type { AccessRule } from '../../server/route.ts';
import type { EventsHandler } from '../events-route/choose.ts';
import { decodeAnalyticsEvent } from './decode.ts';
import { encodeAnalyticsFailure, encodeOutcome } from './encode.ts';

/** Who may send events. */
export const WRITE_ACCESS: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };

/** The analytics API's half of `POST /api/v1/events`. */
export function analyticsEvents(deps: ApiDeps): EventsHandler {
  return {
    async handle(exchange, grant, earlyBody) {
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
