import { Code, ConnectError, createConnectRouter } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { type Logger, type Tracing, traceIdOf } from '@millrace/runtime';
import type { CredentialVerifier } from '../gateway/credentials.ts';
import type { RequestHandler } from '../http/listener.ts';
import { callersRequestId } from '../http/request-id.ts';
import { type CallRecord, type RpcMetrics, recordCalls, recordRefusals, valuesWith } from './call-record.ts';
import { limitUnaryCalls } from './deadline.ts';
import { createEventService, type EventServiceDeps } from './event-service.ts';
import { createGate } from './gate.ts';
import { guardBody } from './guard-body.ts';
import { addHealth } from './health-service.ts';
import { addReflection } from './reflection-service.ts';

/** What the Connect handler works with. */
export interface ConnectDeps extends Omit<EventServiceDeps, 'streamIdleMs'> {
  readonly credentials: CredentialVerifier;
  readonly metrics: RpcMetrics;
  readonly isReady: () => boolean;
  /** Show the services to tools; off outside development. */
  readonly reflection: boolean;
  readonly tracing: Tracing;
  readonly log: Logger;
  readonly limits?: Partial<ConnectLimits>;
}

/** How long a caller may take. */
export interface ConnectLimits {
  /** A whole unary call, and the arrival of its request, in milliseconds. */
  readonly unaryMs: number;
  /** Silence within a stream, in milliseconds. */
  readonly streamIdleMs: number;
}

/** Connect, gRPC-Web and gRPC on whatever server hands over its requests. */
export interface ConnectHandler {
  /** Whether a path, without its query, is one of the services'. */
  handles(path: string): boolean;
  readonly handle: RequestHandler;
}

/** The code of a call that ended before its handler could: a broken or oversized message, a client that left. */
const UNREAD = 'NOT_HANDLED';
/** Longest message, as sent and inflated, in bytes. */
const READ_MAX_BYTES = 10 * 1024 * 1024;
const LIMITS: ConnectLimits = { unaryMs: 30_000, streamIdleMs: 30_000 };

/** Serves `millrace.api.v1`, gRPC health, and in development reflection. */
export function createConnectHandler(deps: ConnectDeps): ConnectHandler {
  const limits = { ...LIMITS, ...deps.limits };
  const handlers = new Map<string, UniversalHandler>();
  for (const handler of createHandlers(deps, limits)) handlers.set(handler.requestPath, handler);

  const serve = async (
    handler: UniversalHandler,
    record: CallRecord,
    ...[request, response]: Parameters<RequestHandler>
  ): Promise<void> => {
    try {
      const universal = universalRequestFromNodeRequest(request, response, undefined, valuesWith(record));
      await universalResponseToNodeResponse(await handler(universal), response);
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
      const endSpan = traceCall(deps.tracing, handler, request);
      const release = handler.method.methodKind === 'unary' ? guardBody(request, limits.unaryMs) : undefined;
      response.once('close', () => {
        release?.();
        const seconds = (deps.clock.monotonic() - began) / 1000;
        deps.metrics.called(handler.service.typeName, handler.method.name, record.code ?? UNREAD, seconds);
        endSpan(record);
      });
      void serve(handler, record, request, response);
    },
  };
}

/** Starts a call's span and puts it in the place of the caller's trace context, which the service goes on from. */
function traceCall(
  tracing: Tracing,
  { service, method }: UniversalHandler,
  request: Parameters<RequestHandler>[0],
): (record: CallRecord) => void {
  if (!tracing.enabled) return () => undefined;
  const header = request.headers.traceparent;
  const parent = typeof header === 'string' && traceIdOf(header) ? header : undefined;
  const span = tracing.start(`${service.typeName}/${method.name}`, { kind: 'server', parent });
  if (span) request.headers.traceparent = span.traceparent;
  return ({ code }) => span?.end(code === 'OK' ? undefined : (code ?? UNREAD));
}

function createHandlers(deps: ConnectDeps, limits: ConnectLimits): readonly UniversalHandler[] {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: READ_MAX_BYTES,
    // A Struct takes three levels of messages for one of JSON, of which 32 are allowed; deeper ones fail event by event.
    binaryOptions: { recursionLimit: 200 },
    jsonOptions: { ignoreUnknownFields: true, recursionLimit: 200 },
    requestGate: recordRefusals(createGate(deps.credentials)),
    interceptors: [recordCalls(deps.log), limitUnaryCalls(limits.unaryMs)],
  });
  router.service(EventService, createEventService({ ...deps, streamIdleMs: limits.streamIdleMs }));
  addHealth(router, { serviceNames: [EventService.typeName], isReady: deps.isReady });
  if (deps.reflection) addReflection(router, [EventService, Health]);
  return router.handlers;
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}
