import { type Clock, type Health, type Logger, type Tracing, traceIdOf } from '@millrace/runtime';
import type { ClientAddress } from './client-address.ts';
import { type Cors, preflightHeaders } from './cors.ts';
import { DEADLINES, type Deadlines, watchRequest } from './deadlines.ts';
import type { Exchange, Reply } from './exchange.ts';
import { callersRequestId } from './exchange.ts';
import type { Failure } from './failure.ts';
import { toFailure } from './failure.ts';
import { enter, type GateDeps, type ServedRoute } from './gate.ts';
import { CLIENT_LEFT, HttpExchange } from './http-exchange.ts';
import { type Listener, listen, type RequestHandler } from './listener.ts';
import type { BodyBudget } from './request-body.ts';
import type { Route } from './route.ts';
import { createRouter } from './router.ts';

/** Told of every answer. */
export interface HttpMetrics {
  /** The series of a route; the method is one that it has, or `OTHER`. */
  route(route: string, method: string): { answered(status: number, seconds: number): void };
}

/** What the public server works with. */
export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly routes: readonly Route[];
  /** Serves Connect, gRPC-Web and gRPC; asked before the routes. */
  readonly rpc: { handles(path: string): boolean; handle: RequestHandler };
  /** Answers paths and methods that no route has. */
  readonly encodeUnrouted: (failure: Failure, path: string) => Reply;
  /** Who may call; see `enter`. */
  readonly gate: GateDeps;
  /** Asked before anything else, with the route's path or what was asked for; throws RequestFailure `rate_limited`. */
  readonly limitAddress: (exchange: Exchange, path: string) => void | Promise<void>;
  readonly clientAddress: ClientAddress;
  /** The memory of all bodies. */
  readonly bodies: BodyBudget;
  /** Those that differ from `DEADLINES`. */
  readonly deadlines?: Partial<Deadlines>;
  readonly cors: Cors;
  readonly health: Health;
  readonly metrics: HttpMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly newId: (nowMs: number) => string;
  readonly log: Logger;
}

const NO_HEADERS: readonly string[] = [];

/** Serves every route on one port. */
export async function startHttpServer(options: HttpServerOptions): Promise<Listener> {
  const { host, port, deadlines } = options;
  return listen({ host, port, deadlines, handler: createHandler(options) });
}

function createHandler(options: HttpServerOptions): RequestHandler {
  const { clock, cors, health, metrics, newId, tracing } = options;
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const router = createRouter(options.routes);
  const reporting = { log: options.log, outages: createOutageLog(options) };
  return (request, response) => {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    const method = request.method ?? '';
    const { headers } = request;
    const corsHeaders = headers.origin === undefined ? NO_HEADERS : cors.headersFor(headers.origin);
    if (options.rpc.handles(path) && method !== 'OPTIONS') {
      for (let i = 0; i < corsHeaders.length; i += 2)
        response.setHeader(corsHeaders[i] ?? '', corsHeaders[i + 1] ?? '');
      options.rpc.handle(request, response);
      return;
    }
    const receivedAtMs = clock.now();
    const began = clock.monotonic();
    const match = router.find(method === 'HEAD' ? 'GET' : method, path);
    const label = match?.route.path ?? 'unrouted';
    const parent =
      typeof headers.traceparent === 'string' && traceIdOf(headers.traceparent)
        ? headers.traceparent
        : undefined;
    const span = tracing.enabled
      ? tracing.start(`${method} ${label}`, { kind: 'server', parent })
      : undefined;
    const exchange = new HttpExchange({
      request,
      response,
      params: match?.params,
      search: mark === -1 ? '' : url.slice(mark + 1),
      receivedAtMs,
      requestId: callersRequestId(headers['x-request-id']) ?? newId(receivedAtMs),
      traceparent: span?.traceparent ?? parent,
      // While draining, a client is told to open its next connection elsewhere. HTTP/2 has no such header.
      extraHeaders:
        health.draining && request.httpVersionMajor === 1
          ? [...corsHeaders, 'connection', 'close']
          : corsHeaders,
      clientAddress: options.clientAddress,
      bodies: options.bodies,
      onReply(status) {
        metrics.route(label, countedMethod(method)).answered(status, (clock.monotonic() - began) / 1000);
        span?.end(problemOf(status));
      },
    });
    const release = watchRequest(request, response, deadlines, () => exchange.late());
    response.once('close', () => {
      release();
      exchange.close();
    });
    const isPreflight = match === undefined && method === 'OPTIONS' && corsHeaders.length > 0;
    const route = match?.route ?? unrouted(options, path, router.allowed(path), isPreflight);
    const held = isPreflight ? undefined : () => options.limitAddress(exchange, match?.route.path ?? path);
    serve(route, exchange, held, { ...reporting, gate: options.gate });
  };
}

function problemOf(status: number): string | undefined {
  if (status === CLIENT_LEFT) return 'client left';
  return status >= 500 ? `HTTP ${status}` : undefined;
}

const COUNTED_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A method as a metric's label: what a client may make up is counted as one. */
function countedMethod(method: string): string {
  return COUNTED_METHODS.has(method) ? method : 'OTHER';
}

/** Answers what no route does: preflights, and paths and methods that aren't there. */
function unrouted(
  { encodeUnrouted }: HttpServerOptions,
  path: string,
  allowed: readonly string[],
  isPreflight: boolean,
): ServedRoute {
  const encodeFailure = (failure: Failure) => encodeUnrouted(failure, path);
  return {
    path: 'unrouted',
    access: 'public',
    encodeFailure,
    handle(exchange) {
      if (isPreflight) {
        const headers = preflightHeaders(allowed.length > 0 ? allowed : ['POST']);
        exchange.reply({ status: 204, body: '', headers });
        return;
      }
      exchange.reply(
        encodeFailure(allowed.length > 0 ? { kind: 'method_not_allowed', allowed } : { kind: 'not_found' }),
      );
    },
  };
}

/** What serving a route takes: who may call, and where failures are told. */
interface Serving {
  readonly gate: GateDeps;
  readonly log: Logger;
  readonly outages: ReturnType<typeof createOutageLog>;
}

function serve(
  route: ServedRoute,
  exchange: HttpExchange,
  hold: (() => void | Promise<void>) | undefined,
  serving: Serving,
): void {
  try {
    const held = hold?.();
    const handled =
      held instanceof Promise
        ? held.then(() => enter(route, exchange, serving.gate))
        : enter(route, exchange, serving.gate);
    if (handled instanceof Promise) handled.catch((error: unknown) => fail(route, exchange, serving, error));
  } catch (error) {
    fail(route, exchange, serving, error);
  }
}

function fail(route: ServedRoute, exchange: HttpExchange, reporting: Serving, thrown: unknown): void {
  const failure = toFailure(thrown);
  if (failure.kind === 'internal') {
    reporting.log.error({ err: thrown, route: route.path, requestId: exchange.requestId }, 'request failed');
  } else if (failure.kind === 'unavailable') {
    reporting.outages.report(thrown);
  }
  exchange.reply(route.encodeFailure(failure, exchange));
}

const INTERVAL_MS = 10_000;

/** Says that requests are answered 503: at most once in ten seconds, and not for each of thousands. */
function createOutageLog(deps: { clock: Pick<Clock, 'monotonic'>; log: Logger }): {
  report(cause: unknown): void;
} {
  let nextAt = Number.NEGATIVE_INFINITY;
  let requests = 0;
  return {
    report(cause) {
      requests++;
      const now = deps.clock.monotonic();
      if (now < nextAt) return;
      deps.log.warn({ err: cause, requests }, 'requests are answered 503');
      nextAt = now + INTERVAL_MS;
      requests = 0;
    },
  };
}
