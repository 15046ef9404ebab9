import type { AccessRule } from '../../http/access.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Failure } from '../../http/failure.ts';
import type { Reply } from '../../http/reply.ts';
import type { Route } from '../../http/route.ts';
import { authenticate } from '../authenticate.ts';
import { contextOf, countingRejections, requireStored } from '../decode-context.ts';
import { BATCH_BODY_LIMIT_BYTES, BODY_LIMIT_BYTES, type Dialect, type DialectDeps } from '../dialect.ts';
import { requireJson } from '../media-type.ts';
import { decodeEmailBatch, decodeEmailEvent, type EmailDecodeContext } from './decode.ts';
import { EMAIL_BATCH_DOCUMENTATION, EMAIL_DOCUMENTATION } from './documentation.ts';
import { type EmailRoute, encodeEmail, encodeEmailBatch, encodeEmailFailure } from './encode.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'beacon'], anyOf: ['events:write'] };

/** The e-mail events API. */
export const email: Dialect = {
  name: 'email',
  routes: (deps) => [singleRoute(deps), batchRoute(deps)],
};

function singleRoute(deps: DialectDeps): Route {
  return {
    method: 'POST',
    path: '/email',
    access: ACCESS,
    documentation: EMAIL_DOCUMENTATION,
    async handle(exchange) {
      const { body, context } = await receive(exchange, deps, BODY_LIMIT_BYTES);
      const event = countingRejections(deps, 'email', () => decodeEmailEvent(body, context));
      const outcome = requireStored(await deps.events.submit(event, exchange.traceparent));
      exchange.reply(encodeEmail({ emailHash: event.eventId, isNew: outcome.kind === 'accepted' }));
    },
    encodeFailure: failureEncoder(deps, 'single'),
  };
}

function batchRoute(deps: DialectDeps): Route {
  return {
    method: 'POST',
    path: '/email/batch',
    access: ACCESS,
    documentation: EMAIL_BATCH_DOCUMENTATION,
    async handle(exchange) {
      const { body, context } = await receive(exchange, deps, BATCH_BODY_LIMIT_BYTES);
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
  deps: DialectDeps,
  limitBytes: number,
): Promise<{ body: Buffer; context: EmailDecodeContext }> {
  const grant = await authenticate(exchange, deps, ACCESS);
  requireJson(exchange);
  const body = await exchange.body(limitBytes);
  return { body, context: { ...contextOf(exchange, grant, deps), now: () => deps.clock.now() } };
}

function failureEncoder(deps: DialectDeps, route: EmailRoute): (failure: Failure) => Reply {
  if (!deps.settings.emailCompatAlways200) return (failure) => encodeEmailFailure(failure, route);
  return (failure) => ({ ...encodeEmailFailure(failure, route), status: 200 });
}
