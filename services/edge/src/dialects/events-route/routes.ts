import type { Grant } from '../../clients/credentials.ts';
import { type Api, type ApiDeps, BODY_LIMIT_BYTES } from '../../request/api.ts';
import type { Exchange } from '../../server/exchange.ts';
import { limitCaller } from '../../server/limits/limit-request.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { analyticsEvents } from '../analytics/routes.ts';
import { workflowEvents } from '../workflow/workflow-events.ts';
import type { EventsHandler } from './choose.ts';
import { chooseByBeginning, chooseByBody, chooseByHeader, type EventsDialect } from './choose.ts';
import { EVENTS_DOCUMENTATION } from './documentation.ts';

/** `POST /api/v1/events`, which two of the published APIs claim: the workflow API and the analytics API. */
export const eventsRoute: Api = {
  name: 'events-route',
  routes: (deps) => [sharedRoute(deps)],
};

/** Any valid key of the workspace is taken in either header, whichever dialect it is. */
const ACCESS: AccessRule = {
  places: ['apiKey', 'bearer', 'beacon'],
  anyOf: ['events:write'],
  limit: (request) => (chooseByHeader(request) === 'workflow' ? 'workflow' : undefined),
};

/** What of a stranger's body is read to know in which dialect to refuse them, raw and inflated, in bytes. */
const PEEK_BYTES = 4 * 1024;

function sharedRoute(deps: ApiDeps): Route {
  const handlers: Readonly<Record<EventsDialect, EventsHandler>> = {
    workflow: workflowEvents(deps),
    analytics: analyticsEvents(deps),
  };
  // A failure must be told in the dialect that was chosen, which the headers alone can't tell for these exchanges.
  const chosenByBody = new WeakMap<Exchange, EventsDialect>();

  const handleByBody = async (exchange: Exchange, grant: Grant): Promise<void> => {
    const body = await exchange.body(BODY_LIMIT_BYTES);
    const dialect = chooseByBody(body);
    chosenByBody.set(exchange, dialect);
    if (dialect === 'workflow' && grant.rateLimit === undefined) {
      // The gate knew the headers only, which told no dialect.
      await limitCaller(exchange, deps.limits.caller(grant, 'workflow'));
    }
    await handlers[dialect].handle(exchange, grant, body);
  };

  return {
    method: 'POST',
    path: '/api/v1/events',
    access: ACCESS,
    documentation: EVENTS_DOCUMENTATION,
    handle(exchange, grant) {
      const dialect = chooseByHeader(exchange);
      return dialect === undefined
        ? handleByBody(exchange, grant)
        : handlers[dialect].handle(exchange, grant);
    },
    async beforeRefusal(exchange) {
      if (chooseByHeader(exchange) !== undefined) return;
      chosenByBody.set(exchange, chooseByBeginning(await exchange.peek(PEEK_BYTES)));
    },
    encodeFailure(failure, exchange) {
      const dialect = exchange && (chosenByBody.get(exchange) ?? chooseByHeader(exchange));
      return handlers[dialect ?? 'analytics'].encodeFailure(failure);
    },
  };
}
