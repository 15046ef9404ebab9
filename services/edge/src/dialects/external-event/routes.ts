import type { Grant } from '../../clients/credentials.ts';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import {
  contextOf,
  countingRejections,
  type DecodeContext,
  idempotencyKey,
  requireSameRequest,
} from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { requireJson } from '../../request/media-type.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { AccessRule, Route, RouteDocumentation } from '../../server/route.ts';
import { type DecodedExternalEvent, decodeExternalEvent, externalEventBody } from './decode.ts';
import { encodeExternalEventFailure, externalEventError, externalEventSuccess, SUCCESS } from './encode.ts';

const ACCESS: AccessRule = { places: ['bearer', 'beacon'], anyOf: ['events:write'] };

/** The external-event API: one event a request, into the workspace that its path names. */
export const externalEventDialect: Api = {
  name: 'external-event',
  unrouted: {
    prefixes: ['/api/external-event', '/external-event'],
    errors: externalEventError,
    encodeFailure: encodeExternalEventFailure,
  },
  routes: (deps) =>
    ['/api/external-event/:workspaceId', '/external-event/:workspaceId'].map((path) =>
      ingestRoute(path, deps),
    ),
};

function ingestRoute(path: string, deps: ApiDeps): Route {
  return {
    method: 'POST',
    path,
    access: ACCESS,
    documentation,
    handle: (exchange, grant) => handle(exchange, grant, deps),
    encodeFailure: encodeExternalEventFailure,
  };
}

async function handle(exchange: Exchange, grant: Grant, deps: ApiDeps): Promise<void> {
  // A token belongs to one workspace; to learn whether another one exists is not its business.
  if (exchange.params['workspaceId'] !== grant.workspaceId) {
    throw new RequestFailure({ kind: 'invalid_credential' });
  }
  requireJson(exchange);
  const body = await exchange.body(BODY_LIMIT_BYTES);
  const event = countingRejections(deps, 'external-event', () =>
    toEvent(decodeExternalEvent(body), idempotencyKey(exchange), contextOf(exchange, grant, deps)),
  );
  // The document knows one answer for an event that is stored, so a repeated key has it too.
  requireSameRequest(await deps.events.submit(event, exchange.traceparent));
  exchange.reply(SUCCESS);
}

function toEvent(
  decoded: DecodedExternalEvent,
  key: string | undefined,
  context: DecodeContext,
): CanonicalEvent {
  const { receivedAtMs } = context;
  return {
    workspaceId: context.workspaceId,
    eventId: context.newId(receivedAtMs),
    eventType: decoded.type,
    dialect: 'external-event',
    source: '',
    userId: '',
    sessionId: '',
    occurredAtMs: receivedAtMs,
    receivedAtMs,
    priority: 1,
    labels: [],
    payload: decoded.payload,
    metadata: '{}',
    traceId: context.traceId,
    identity: key === undefined ? undefined : { scope: 'external-event', id: key, content: decoded.text },
  };
}

const documentation: RouteDocumentation = {
  summary: 'Send an event',
  description:
    'The token belongs to one workspace, which the path must name. With an `Idempotency-Key` header a retry is stored once.',
  tag: 'External events',
  requestBody: { 'application/json': externalEventBody },
  responses: {
    201: { description: 'The event is durable', schema: externalEventSuccess, example: { success: true } },
  },
  errors: externalEventError,
  failures: [
    { kind: 'invalid_credential', description: 'No token, an unknown one, or one of another workspace' },
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
