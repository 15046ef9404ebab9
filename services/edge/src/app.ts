import { type ServiceContext, uuidv7, VERSION } from '@millrace/runtime';
import { connectRedis } from '@millrace/stores';
import type { PublicConfig } from './config.ts';
import { createConnectHandler } from './connect/handler.ts';
import { dialects } from './dialects/all.ts';
import { createHealthRoutes } from './dialects/health/routes.ts';
import { encodeProblem } from './dialects/problem/encode-problem.ts';
import { createCoalescer } from './events/coalesce.ts';
import { createEventSink } from './events/submit.ts';
import type { AnalyticsGateway } from './gateway/analytics.ts';
import type { AuthGateway } from './gateway/auth.ts';
import type { CredentialVerifier } from './gateway/credentials.ts';
import type { IngestGateway } from './gateway/ingest.ts';
import { createCors } from './http/cors.ts';
import { startHttpServer } from './http/server.ts';
import { createEdgeMetrics } from './metrics.ts';
import { createOpenApiRoutes } from './openapi/routes.ts';

/** How the edge reaches everything behind it. */
export interface EdgeDeps extends ServiceContext {
  readonly config: PublicConfig;
  readonly ingest: IngestGateway;
  readonly credentials: CredentialVerifier;
  readonly auth: AuthGateway;
  readonly analytics: AnalyticsGateway;
  /** Whether the stream's server is connected. */
  readonly natsIsUp: () => boolean;
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
  const { config, credentials, clock, health, tracing, log } = deps;
  const newId = uuidv7;
  const metrics = createEdgeMetrics(deps.registry);
  const coalescer = createCoalescer(deps.ingest, clock);
  const events = createEventSink({ coalescer, metrics });
  const redis = config.REDIS_URL === undefined ? undefined : connectRedis({ url: config.REDIS_URL, log });
  const isUp = (up: boolean) => (up ? 'up' : 'down');
  const healthRoutes = createHealthRoutes({
    probes: {
      clickhouse: async (signal) => isUp(await deps.analytics.storeIsUp(signal)),
      nats: async () => isUp(deps.natsIsUp()),
      redis: redis && (async () => isUp((await redis.ping()) === 'PONG')),
    },
    isReady: () => health.ready,
    clock,
    version: VERSION,
  });
  const dialectRoutes = dialects.flatMap((dialect) =>
    dialect.routes({
      events,
      credentials,
      stats: deps.analytics,
      auth: deps.auth,
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
    routes: [...described, ...createOpenApiRoutes({ routes: described, version: VERSION })],
    rpc: createConnectHandler({
      events,
      credentials,
      clock,
      newId,
      countRejected: metrics.rejected,
      metrics,
      isReady: () => health.ready,
      reflection: config.MILLRACE_ENV === 'development',
      tracing,
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
      redis?.disconnect();
    },
  };
}
