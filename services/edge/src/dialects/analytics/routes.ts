import { contextOf, countingRejections, requireStored } from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BATCH_BODY_LIMIT_BYTES, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import type { EventsHandler } from '../events-route/choose.ts';
import { decodeAnalyticsBatch, decodeAnalyticsEvent } from './decode.ts';
import { BATCH_DOCUMENTATION, STATS_DOCUMENTATION } from './documentation.ts';
import { analyticsError, encodeAnalyticsFailure, encodeBatch, encodeOutcome, encodeStats } from './encode.ts';
import { metricsRoute } from './metrics.ts';

/** A key that sends events may also see how many arrived: the documented key does both. */
const STATS_ACCESS: AccessRule = {
  places: ['apiKey', 'bearer'],
  anyOf: ['analytics:read', 'events:read', 'events:write'],
};

/** The analytics API's routes for events, but for the one that it shares with the workflow API. */
export const analytics: Api = {
  name: 'analytics',
  unrouted: {
    prefixes: ['/api/v1', '/api/auth'],
    errors: analyticsError,
    encodeFailure: encodeAnalyticsFailure,
  },
  routes: (deps) => [batchRoute(deps), statsRoute(deps), metricsRoute(deps)],
};

function batchRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/api/v1/events/batch',
    access: WRITE_ACCESS,
    documentation: BATCH_DOCUMENTATION,
    async handle(exchange, grant) {
      requireJson(exchange);
      const body = await exchange.body(BATCH_BODY_LIMIT_BYTES);
      const events = countingRejections(deps, 'analytics', () =>
        decodeAnalyticsBatch(body, contextOf(exchange, grant, deps)),
      );
      const outcomes = await deps.events.submitAll(events, exchange.traceparent);
      exchange.reply(encodeBatch(outcomes.map(requireStored)));
    },
    encodeFailure: encodeAnalyticsFailure,
  };
}

function statsRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api/v1/events/stats',
    access: STATS_ACCESS,
    documentation: STATS_DOCUMENTATION,
    async handle(exchange, grant) {
      exchange.reply(encodeStats(await deps.stats.read(grant.workspaceId), deps.clock.now()));
    },
    encodeFailure: encodeAnalyticsFailure,
  };
}

/** Who may send events. */
const WRITE_ACCESS: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };

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
