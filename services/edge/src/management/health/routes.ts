import { encodeProblem } from '../../request/problem/encode-problem.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { PublicRoute, RouteDocumentation } from '../../server/route.ts';
import { createHealthCheck, type HealthDeps, type HealthReport } from './check.ts';

const TAG = 'Health';
const UNHEALTHY = { description: 'The stream is away: nothing can be accepted' };

/** `/health`, `/api/health`, `/api/ready` and `/api/live`, all public. */
export function createHealthRoutes(deps: HealthDeps): readonly PublicRoute[] {
  const check = createHealthCheck(deps);
  const answer = async (exchange: Exchange, bodyOf: (report: HealthReport) => unknown) => {
    const report = await check();
    replyFresh(exchange, report.status === 'unhealthy' ? 503 : 200, bodyOf(report));
  };
  return [
    get('/health', healthDocumentation, (exchange) =>
      answer(exchange, ({ status, version }) => ({ status, version })),
    ),
    get('/api/health', apiHealthDocumentation, (exchange) => answer(exchange, (report) => report)),
    get('/api/ready', readyDocumentation, (exchange) => {
      const ready = deps.isReady();
      replyFresh(exchange, ready ? 200 : 503, { ready });
    }),
    get('/api/live', liveDocumentation, (exchange) => replyFresh(exchange, 200, { live: true })),
  ];
}

function get(path: string, documentation: RouteDocumentation, handle: PublicRoute['handle']): PublicRoute {
  return { method: 'GET', path, access: 'public', documentation, handle, encodeFailure: encodeProblem };
}

/** A proxy that kept a health answer would hide an outage. */
function replyFresh(exchange: Exchange, status: number, body: unknown): void {
  exchange.reply({ status, body: JSON.stringify(body), headers: ['cache-control', 'no-store'] });
}

const healthDocumentation: RouteDocumentation = {
  summary: 'Is the API working?',
  tag: TAG,
  responses: {
    200: { description: 'Events are accepted', example: { status: 'healthy', version: '1.0.0' } },
    503: { ...UNHEALTHY, example: { status: 'unhealthy', version: '1.0.0' } },
  },
};

const apiHealthDocumentation: RouteDocumentation = {
  summary: 'The state of every component',
  description:
    '`mongodb` is the event store and `postgres` the key store, under the names that clients of the analytics API know. `degraded`: some component is away, events are still accepted.',
  tag: TAG,
  responses: {
    200: {
      description: '`healthy` or `degraded`',
      example: {
        status: 'healthy',
        version: '1.0.0',
        uptime: 3600,
        timestamp: '2024-01-30T12:34:56.000Z',
        services: {
          clickhouse: { status: 'up' },
          nats: { status: 'up' },
          redis: { status: 'up' },
          mongodb: { status: 'up' },
          postgres: { status: 'up' },
        },
      },
    },
    503: UNHEALTHY,
  },
};

const readyDocumentation: RouteDocumentation = {
  summary: 'Readiness probe',
  tag: TAG,
  responses: {
    200: { description: 'May get traffic', example: { ready: true } },
    503: { description: 'Starting or draining', example: { ready: false } },
  },
};

const liveDocumentation: RouteDocumentation = {
  summary: 'Liveness probe',
  tag: TAG,
  responses: { 200: { description: 'The process runs', example: { live: true } } },
};
