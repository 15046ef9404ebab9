import { z } from 'zod';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { jsonReply } from '../../request/response.ts';
import type { PublicRoute, RouteDocumentation } from '../../server/route.ts';
import { createHealthCheck, type HealthDeps, type HealthReport, health, healthReport } from './check.ts';

/** A proxy that kept a health answer would hide an outage. */
const NOT_KEPT = ['cache-control', 'no-store'];
const readiness = z.strictObject({ ready: z.boolean() }).meta({ id: 'Readiness' });
const liveness = z.strictObject({ live: z.literal(true) }).meta({ id: 'Liveness' });

const TAG = 'Health';
const UNHEALTHY = { description: 'The stream is away: nothing can be accepted' };

/** `/health`, `/api/health`, `/api/ready` and `/api/live`, all public. */
export function createHealthRoutes(deps: HealthDeps): readonly PublicRoute[] {
  const check = createHealthCheck(deps);
  return [
    get('/health', healthDocumentation, async (exchange) => {
      const { status, version } = await check();
      exchange.reply(jsonReply(health, statusOf(status), { status, version }, NOT_KEPT));
    }),
    get('/api/health', apiHealthDocumentation, async (exchange) => {
      const report = await check();
      exchange.reply(jsonReply(healthReport, statusOf(report.status), report, NOT_KEPT));
    }),
    get('/api/ready', readyDocumentation, (exchange) => {
      const ready = deps.isReady();
      exchange.reply(jsonReply(readiness, ready ? 200 : 503, { ready }, NOT_KEPT));
    }),
    get('/api/live', liveDocumentation, (exchange) =>
      exchange.reply(jsonReply(liveness, 200, { live: true }, NOT_KEPT)),
    ),
  ];
}

function get(path: string, documentation: RouteDocumentation, handle: PublicRoute['handle']): PublicRoute {
  return { method: 'GET', path, access: 'public', documentation, handle, encodeFailure: encodeProblem };
}

function statusOf(status: HealthReport['status']): number {
  return status === 'unhealthy' ? 503 : 200;
}

const healthDocumentation: RouteDocumentation = {
  summary: 'Is the API working?',
  tag: TAG,
  responses: {
    200: {
      description: 'Events are accepted',
      schema: health,
      example: { status: 'healthy', version: '1.0.0' },
    },
    503: { ...UNHEALTHY, schema: health, example: { status: 'unhealthy', version: '1.0.0' } },
  },
  errors: problem,
};

const apiHealthDocumentation: RouteDocumentation = {
  summary: 'The state of every component',
  description:
    '`mongodb` is the event store and `postgres` the key store, under the names that clients of the analytics API know. `degraded`: some component is away, events are still accepted.',
  tag: TAG,
  responses: {
    200: {
      description: '`healthy` or `degraded`',
      schema: healthReport,
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
    503: { ...UNHEALTHY, schema: healthReport },
  },
  errors: problem,
};

const readyDocumentation: RouteDocumentation = {
  summary: 'Readiness probe',
  tag: TAG,
  responses: {
    200: { description: 'May get traffic', schema: readiness, example: { ready: true } },
    503: { description: 'Starting or draining', schema: readiness, example: { ready: false } },
  },
  errors: problem,
};

const liveDocumentation: RouteDocumentation = {
  summary: 'Liveness probe',
  tag: TAG,
  responses: { 200: { description: 'The process runs', schema: liveness, example: { live: true } } },
  errors: problem,
};
