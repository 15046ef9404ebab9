import type { Clock, Health, Logger, MetricsRegistry, Tracing } from '@millrace/runtime';
import type { PublicConfig } from './config.ts';
import { createConnectHandler } from './connect/handler.ts';
import { dialects } from './dialects/all.ts';
import { createHealthRoutes } from './dialects/health/routes.ts';
import { encodeProblem } from './dialects/problem/encode-problem.ts';
import { createCoalescer } from './events/coalesce.ts';
import { createEventSink } from './events/submit.ts';
import type { AnalyticsGateway } from './gateway/analytics.ts';
import type { CredentialVerifier } from './gateway/credentials.ts';
import type { IngestGateway } from './gateway/ingest.ts';
import { createCors } from './http/cors.ts';
import { startHttpServer } from './http/server.ts';
import { createEdgeMetrics } from './metrics.ts';
import { createOpenApiRoutes } from './openapi/routes.ts';

/** How the edge reaches everything behind it. */
export interface EdgeDeps {
  readonly config: PublicConfig;
  readonly ingest: IngestGateway;
  readonly credentials: CredentialVerifier;
  readonly analytics: AnalyticsGateway;
  /** Whether the stream's server is connected. */
  readonly natsIsUp: () => boolean;
  /** Undefined where no Redis is configured. */
  readonly redisIsUp: (() => boolean) | undefined;
  readonly health: Health;
  readonly registry: MetricsRegistry;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly newId: (nowMs: number) => string;
  readonly version: string;
  readonly log: Logger;
}

/** The public side of a process. */
export interface Edge {
  readonly port: number;
  /** Answers what is under way, then closes. */
  close(): Promise<void>;
}

/** Longest that requests under way may take once the process is told to stop, in milliseconds. */
const DRAIN_DEADLINE_MS = 12_000;

/** Builds every public API on one port. */
export async function createEdge(deps: EdgeDeps): Promise<Edge> {
  const { config, credentials, clock, health, newId, tracing, log } = deps;
  const metrics = createEdgeMetrics(deps.registry);
  const coalescer = createCoalescer(deps.ingest);
  const events = createEventSink({ coalescer, metrics });
  const isUp = (up: boolean | undefined) => (up === true ? 'up' : 'down');
  const healthRoutes = createHealthRoutes({
    probes: {
      clickhouse: async (signal) => isUp(await deps.analytics.storeIsUp(signal)),
      nats: async () => isUp(deps.natsIsUp()),
      redis: deps.redisIsUp && (async () => isUp(deps.redisIsUp?.())),
    },
    isReady: () => health.ready,
    clock,
    version: deps.version,
  });
  const dialectRoutes = dialects.flatMap((dialect) =>
    dialect.routes({
      events,
      credentials,
      stats: deps.analytics,
      clock,
      newId,
      countRejected: metrics.rejected,
      settings: { emailCompatAlways200: config.EMAIL_COMPAT_ALWAYS_200 },
    }),
  );
  const described = [...dialectRoutes, ...healthRoutes];
  const listener = await startHttpServer({
    host: config.HOST,
    port: config.PORT,
    routes: [...described, ...createOpenApiRoutes({ routes: described, version: deps.version })],
    rpc: createConnectHandler({
      events,
      credentials,
      clock,
      newId,
      countRejected: metrics.rejected,
      metrics,
      isReady: () => health.ready,
      reflection: config.MILLRACE_ENV === 'development',
      log,
    }),
    encodeUnrouted: encodeProblem,
    cors: createCors(config.CORS_ORIGINS),
    health,
    metrics,
    tracing,
    clock,
    newId,
    log,
  });
  return {
    port: listener.port,
    async close() {
      await listener.close(DRAIN_DEADLINE_MS);
      await coalescer.idle();
    },
  };
}
