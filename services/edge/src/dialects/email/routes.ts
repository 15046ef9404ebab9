import type { Grant } from '../../clients/credentials.ts';
import { contextOf, countingRejections, requireStored } from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BATCH_BODY_LIMIT_BYTES, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import type { Exchange, Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { decodeEmailBatch, decodeEmailEvent, type EmailDecodeContext } from './decode.ts';
import { EMAIL_BATCH_DOCUMENTATION, EMAIL_DOCUMENTATION } from './documentation.ts';
import { type EmailRoute, emailError, encodeEmail, encodeEmailBatch, encodeEmailFailure } from './encode.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'beacon'], anyOf: ['events:write'] };

/** The e-mail events API. */
export const email: Api = {
  name: 'email',
  unrouted: {
    prefixes: ['/email'],
    errors: emailError,
    encodeFailure: (failure) => encodeEmailFailure(failure, 'single'),
  },
  routes: (deps) => [singleRoute(deps), batchRoute(deps)],
};

function singleRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/email',
    access: ACCESS,
    documentation: EMAIL_DOCUMENTATION,
    async handle(exchange, grant) {
      const { body, context } = await receive(exchange, grant, deps, BODY_LIMIT_BYTES);
      const event = countingRejections(deps, 'email', () => decodeEmailEvent(body, context));
      const outcome = requireStored(await deps.events.submit(event, exchange.traceparent));
      exchange.reply(encodeEmail({ emailHash: event.eventId, isNew: outcome.kind === 'accepted' }));
    },
    encodeFailure: failureEncoder(deps, 'single'),
  };
}

function batchRoute(deps: ApiDeps): Route {
  return {
    method: 'POST',
    path: '/email/batch',
    access: ACCESS,
    documentation: EMAIL_BATCH_DOCUMENTATION,
    async handle(exchange, grant) {
      const { body, context } = await receive(exchange, grant, deps, BATCH_BODY_LIMIT_BYTES);
      const events = countingRejections(deps, 'email', () => decodeEmailBatch(body, context));
      const outcomes = await deps.events.submitAll(events, exchange.traceparent);
      const stored = events.map((event, i) => {
        const outcome = requireStored(outcomes[i] ?? { kind: 'unavailable' });
        return { emailHash: event.eventId, isNew: outcome.kind === 'accepted' };
      });
      exchange.reply(encodeEmailBatch(stored));
    },
    encodeFailure: failureEncoder(deps, 'batch'),
  };
}

async function receive(
  exchange: Exchange,
  grant: Grant,
  deps: ApiDeps,
  limitBytes: number,
): Promise<{ body: Buffer; context: EmailDecodeContext }> {
  requireJson(exchange);
  const body = await exchange.body(limitBytes);
  return { body, context: { ...contextOf(exchange, grant, deps), now: () => deps.clock.now() } };
}

function failureEncoder(deps: ApiDeps, route: EmailRoute): (failure: Failure) => Reply {
  if (!deps.settings.emailCompatAlways200) return (failure) => encodeEmailFailure(failure, route);
  return (failure) => ({ ...encodeEmailFailure(failure, route), status: 200 });
}
