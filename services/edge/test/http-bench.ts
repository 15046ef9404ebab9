import { createHealth, createLogger, systemClock, type Tracing } from '@millrace/runtime';
import { problem } from '../src/request/problem/encode-problem.ts';
import { createClientAddress } from '../src/server/client-address.ts';
import { createCors } from '../src/server/cors.ts';
import type { Exchange } from '../src/server/exchange.ts';
import type { Failure } from '../src/server/failure.ts';
import { createBodyBudget } from '../src/server/request-body.ts';
import type { Route } from '../src/server/route.ts';
import { type HttpServerOptions, startHttpServer } from '../src/server/server.ts';
import { granting } from './granting.ts';
import { limitsForTests } from './limits.ts';

const STATUS: Partial<Record<Failure['kind'], number>> = {
  request_timeout: 408,
  too_large: 413,
  unavailable: 503,
  not_found: 404,
  method_not_allowed: 405,
};

/** A failure as tests read it. */
export const encodeFailure: Route['encodeFailure'] = (failure) => ({
  status: STATUS[failure.kind] ?? 400,
  body: JSON.stringify(failure),
});

/** A route that everybody may call. */
export function publicRoute(
  method: Route['method'],
  path: string,
  handle: (exchange: Exchange) => void | Promise<void>,
): Route {
  const documentation = { summary: '', tag: '', responses: {}, errors: problem };
  return { method, path, access: 'public', documentation, handle, encodeFailure };
}

/** The public server with a few routes, and what it says of itself. */
export async function startHttpBench(routes: readonly Route[], changes: Partial<HttpServerOptions> = {}) {
  /** `method route status` of every answer. */
  const answered: string[] = [];
  const limits = limitsForTests();
  const budget = createBodyBudget(1_000_000);
  const tracing: Tracing = { enabled: false, start: () => undefined, close: async () => undefined };
  const listener = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    routes,
    rpc: { handles: () => false, handle: () => undefined },
    encodeUnrouted: (failure) => encodeFailure(failure),
    gate: { credentials: granting({}), limits },
    limitAddress: () => undefined,
    clientAddress: createClientAddress([]),
    bodies: budget,
    cors: createCors([]),
    health: createHealth([]),
    metrics: {
      route: (label, method) => ({ answered: (status) => answered.push(`${method} ${label} ${status}`) }),
    },
    tracing,
    clock: systemClock,
    newId: () => 'made-id',
    log: createLogger({ service: 'test', level: 'silent' }),
    ...changes,
  });
  return {
    port: listener.port,
    url: `http://127.0.0.1:${listener.port}`,
    answered,
    /** What bodies take of the budget, in bytes. */
    reserved: budget.used,
    close: () => listener.close(0),
  };
}
