import { constants } from 'node:http2';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, createConnectRouter } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { DeletionService } from '@millrace/contracts/millrace/api/v1/deletion';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { type Logger, type Health as ProcessHealth, type Tracing, traceIdOf } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { Deletions, Questions } from '../clients/analytics.ts';
import type { AuthGateway } from '../clients/auth.ts';
import type { CredentialVerifier } from '../clients/credentials.ts';
import type { DeadLetterDeps } from '../management/dead-letters/dead-letter-api.ts';
import type { TailDeps } from '../management/tail/show-events.ts';
import type { WebhookDeps } from '../management/webhooks/webhook-api.ts';
import type { ClientAddress } from '../server/client-address.ts';
import { DEADLINES as SERVER_DEADLINES, watchRequest } from '../server/deadlines.ts';
import { callersRequestId } from '../server/exchange.ts';
import type { RequestLimits } from '../server/limits/request-limits.ts';
import type { RequestHandler } from '../server/listener.ts';
import type { PublicGrant } from '../server/public-grant.ts';
import type { BodyBudget } from '../server/request-body.ts';
import { createAnalyticsService } from './analytics-service.ts';
import { CallBody, counting, countMessages, servingBody } from './call-body.ts';
import {
  type CallOrigin,
  type CallRecord,
  type RpcMetrics,
  recordCalls,
  recordUnhandled,
  valuesWith,
  withOrigin,
} from './call-record.ts';
import { createDeadLetterService } from './dead-letter-service.ts';
import { cutDeadline, limitUnaryCalls } from './deadline.ts';
import { createDeletionService } from './deletion-service.ts';
import { createEventService, type EventServiceDeps } from './event-service.ts';
import { createGate } from './gate.ts';
import { addHealth } from './health-service.ts';
import { addReflection } from './reflection-service.ts';
import { createWebhookService } from './webhook-service.ts';
import { createWorkspaceService } from './workspace-service.ts';

/** What the Connect handler works with. */
export interface ConnectDeps
  extends Omit<EventServiceDeps, 'streamIdleMs'>,
    Pick<DeadLetterDeps, 'checkEvent' | 'auditLog'>,
    WebhookDeps {
  readonly credentials: CredentialVerifier;
  readonly limits: RequestLimits;
  readonly clientAddress: ClientAddress;
  readonly auth: AuthGateway;
  readonly publicGrant: PublicGrant;
  readonly questions: Questions;
  readonly deletions: Deletions;
  readonly auditLog: AuditLog;
  readonly tail: TailDeps;
  readonly metrics: RpcMetrics;
  readonly health: Pick<ProcessHealth, 'ready' | 'draining'>;
  /** Show the services to tools; off outside development. */
  readonly reflection: boolean;
  readonly tracing: Tracing;
  readonly log: Logger;
  /** The memory of all bodies. */
  readonly bodies: BodyBudget;
  readonly deadlines?: Partial<ConnectDeadlines>;
  readonly maxHealthWatchers?: number;
}

/** How long a caller may take. */
export interface ConnectDeadlines {
  /** A whole unary call, and the arrival of its request, in milliseconds. */
  readonly unaryMs: number;
  /** Silence within a stream, in milliseconds. */
  readonly streamIdleMs: number;
  /** For taking an answer, in milliseconds: after one to two of these without a byte taken it is given up. */
  readonly answerMs: number;
}

/** Connect, gRPC-Web and gRPC on whatever server hands over its requests. */
export interface ConnectHandler {
  /** Whether a path, without its query, is one of the services'. */
  handles(path: string): boolean;
  /** Every method that is served. */
  readonly methods: readonly DescMethod[];
  readonly handle: RequestHandler;
}

/** The code of a call that no protocol has answered: its content type or HTTP method is none of theirs. */
const UNREAD = 'NOT_HANDLED';
/** Longest message, as sent and inflated, in bytes. */
const READ_MAX_BYTES = 10 * 1024 * 1024;
const JSON_OPTIONS = {
  ignoreUnknownFields: true,
  recursionLimit: 200,
  // Connect's own decoder would let U+FFFD be stored for what isn't UTF-8. Its types leave the option out.
  textDecoder: new TextDecoder('utf-8', { fatal: true }),
};
const DEADLINES: ConnectDeadlines = {
  unaryMs: 30_000,
  streamIdleMs: 30_000,
  answerMs: SERVER_DEADLINES.answerMs,
};

/** Serves `millrace.api.v1`, gRPC health, and in development reflection. */
export function createConnectHandler(deps: ConnectDeps): ConnectHandler {
  const deadlines = { ...DEADLINES, ...deps.deadlines };
  const handlers = new Map<string, UniversalHandler>();
  for (const handler of createHandlers(deps, deadlines)) handlers.set(handler.requestPath, handler);

  const serve = async (
    handler: UniversalHandler,
    { record, origin, body }: { record: CallRecord; origin: CallOrigin; body: CallBody },
    ...[request, response]: Parameters<RequestHandler>
  ): Promise<void> => {
    try {
      const universal = universalRequestFromNodeRequest(
        request,
        response,
        undefined,
        withOrigin(valuesWith(record), origin),
      );
      const counted = { ...universal, body: body.read(request) };
      await servingBody(body, async () => universalResponseToNodeResponse(await handler(counted), response));
    } catch (thrown) {
      if (ConnectError.from(thrown).code === Code.Aborted) return;
      // Of what a handler throws the caller has been told; this is a broken connection or an unusable request line.
      deps.log.warn({ err: thrown, method: handler.method.name }, 'call could not be answered');
      if (!response.headersSent) response.statusCode = 400;
      response.end();
    }
  };

  return {
    handles: (path) => handlers.has(path),
    methods: [...handlers.values()].map(({ method }) => method),
    handle(request, response) {
      const handler = handlers.get(pathOf(request.url ?? ''));
      if (!handler) {
        response.statusCode = 404;
        response.end();
        return;
      }
      const began = deps.clock.monotonic();
      const record: CallRecord = { code: undefined };
      const requestId = callersRequestId(request.headers['x-request-id']) ?? deps.newId(deps.clock.now());
      response.setHeader('x-request-id', requestId);
      const isUnary = handler.method.methodKind === 'unary';
      cutDeadline(request.headers, isUnary ? deadlines.unaryMs : undefined);
      const endSpan = traceCall(deps.tracing, handler, request);
      const body = new CallBody(deps.bodies);
      // Callers that stream may take as long as they like, if they aren't silent.
      const isDue = isUnary || handler.method.methodKind === 'server_streaming';
      const times = { bodyMs: deadlines.unaryMs, answerMs: deadlines.answerMs };
      const release = watchRequest(request, response, times, () => isDue && body.late());
      response.once('close', () => {
        release();
        body.close();
        const seconds = (deps.clock.monotonic() - began) / 1000;
        const code = endOf(record, request, response);
        deps.metrics.called(handler.service.typeName, handler.method.name, code, seconds);
        endSpan(code);
      });
      const origin = { requestId, clientAddress: () => deps.clientAddress(request) };
      void serve(handler, { record, origin, body }, request, response);
    },
  };
}

/** Starts a call's span and puts it in the place of the caller's trace context, which the service goes on from. */
function traceCall(
  tracing: Tracing,
  { service, method }: UniversalHandler,
  request: Parameters<RequestHandler>[0],
): (code: string) => void {
  if (!tracing.enabled) return () => undefined;
  const header = request.headers.traceparent;
  const parent = typeof header === 'string' && traceIdOf(header) ? header : undefined;
  const span = tracing.start(`${service.typeName}/${method.name}`, { kind: 'server', parent });
  if (span) request.headers.traceparent = span.traceparent;
  return (code) => span?.end(code === 'OK' ? undefined : code);
}

/** The code of a call that is over. Whoever has gone got no answer, also where one had been made. */
function endOf({ code }: CallRecord, ...[request, response]: Parameters<RequestHandler>): string {
  const gone =
    'stream' in request
      ? request.stream.aborted || request.stream.rstCode === constants.NGHTTP2_CANCEL
      : !response.writableFinished;
  return gone && (code === undefined || code === 'OK') ? 'CANCELED' : (code ?? UNREAD);
}

function createHandlers(deps: ConnectDeps, deadlines: ConnectDeadlines): readonly UniversalHandler[] {
  const router = createConnectRouter({
    acceptCompression: [counting(compressionGzip), counting(compressionBrotli)],
    readMaxBytes: READ_MAX_BYTES,
    // A Struct takes three levels of messages for one of JSON, of which 32 are allowed; deeper ones fail event by event.
    binaryOptions: { recursionLimit: 200 },
    jsonOptions: JSON_OPTIONS,
    requestGate: recordUnhandled(createGate(deps)),
    interceptors: [recordCalls(deps.log), limitUnaryCalls(deadlines.unaryMs), countMessages()],
  });
  router.service(EventService, createEventService({ ...deps, streamIdleMs: deadlines.streamIdleMs }));
  router.service(WorkspaceService, createWorkspaceService(deps));
  router.service(AnalyticsService, createAnalyticsService(deps));
  router.service(DeadLetterService, createDeadLetterService(deps));
  router.service(DeletionService, createDeletionService(deps));
  router.service(WebhookService, createWebhookService(deps));
  const services = [
    EventService,
    WorkspaceService,
    AnalyticsService,
    DeadLetterService,
    DeletionService,
    WebhookService,
  ];
  const serviceNames = services.map(({ typeName }) => typeName);
  addHealth(router, { serviceNames, state: deps.health, maxWatchers: deps.maxHealthWatchers });
  if (deps.reflection) addReflection(router, [...services, Health], deadlines);
  return router.handlers;
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}
