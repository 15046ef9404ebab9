import { type ServiceContext, uuidv7 } from '@millrace/runtime';
import {
  createRateLimiter,
  createRedisQuotas,
  type NatsConnection,
  openAuditLog,
  openRedis,
} from '@millrace/stores';
import type { AnalyticsGateway } from './clients/analytics.ts';
import type { AuthGateway } from './clients/auth.ts';
import type { CredentialVerifier } from './clients/credentials.ts';
import type { IngestGateway } from './clients/ingest.ts';
import type { WebhookGateway } from './clients/webhook.ts';
import type { PublicConfig } from './config.ts';
import { createCoalescer } from './ingest/coalesce.ts';
import { enforcingSchemas } from './ingest/schemas/enforcing-schemas.ts';
import { createSchemaGuard } from './ingest/schemas/schema-guard.ts';
import { openSchemaRegistry } from './ingest/schemas/schema-registry.ts';
import { createEventSink } from './ingest/submit.ts';
import { createSharedEvents } from './management/tail/shared-events.ts';
import { createEdgeMetrics } from './metrics.ts';
import { createRoutes, encodeUnrouted } from './routes.ts';
import { createConnectHandler } from './rpc/handler.ts';
import { createClientAddress } from './server/client-address.ts';
import { createCors } from './server/cors.ts';
import { limitSignIn } from './server/limits/limit-request.ts';
import { createRequestLimits } from './server/limits/request-limits.ts';
import { createPublicGrant } from './server/public-grant.ts';
import { createBodyBudget } from './server/request-body.ts';
import { startHttpServer } from './server/server.ts';

/** How the edge reaches everything behind it. */
export interface EdgeDeps extends ServiceContext {
  readonly config: PublicConfig;
  readonly ingest: IngestGateway;
  readonly credentials: CredentialVerifier;
  readonly auth: AuthGateway;
  readonly analytics: AnalyticsGateway;
  readonly webhooks: WebhookGateway;
  /** Carries the event schemas and the audit log. */
  readonly connection: NatsConnection;
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
  const stores = { connection: deps.connection, replicas: config.NATS_REPLICAS, clock, log };
  const [schemas, auditLog] = await Promise.all([openSchemaRegistry(stores), openAuditLog(stores)]);
  const guard = createSchemaGuard({ registry: schemas, metrics, log });
  const events = enforcingSchemas({
    sink: createEventSink({ coalescer, metrics }),
    schemas: guard,
    clock,
    countRejected: metrics.rejected,
  });
  const redis = openRedis(config, log);
  const clientAddress = createClientAddress(config.TRUSTED_PROXIES);
  const limits = createRequestLimits({
    limiter: createRateLimiter({
      shared: redis && createRedisQuotas(redis),
      clock,
      log,
      fallbacks: metrics.rateLimitFallbacks,
    }),
    workflowPerMinute: config.WORKFLOW_RATE_LIMIT_PER_MINUTE,
    authPerMinute: config.AUTH_RATE_LIMIT_PER_MINUTE,
    countLimited: metrics.rateLimited,
  });
  const tail = { events: deps.analytics, shared: createSharedEvents(), credentials, health };
  const publicGrant = createPublicGrant(config, deps.auth);
  const isUp = (up: boolean) => (up ? 'up' : 'down');
  const routes = createRoutes(
    {
      events,
      limits,
      stats: deps.analytics,
      audit: deps.analytics,
      questions: deps.analytics,
      sql: deps.analytics,
      deletions: deps.analytics,
      tail,
      schemas,
      checkEvent: guard.check,
      auditLog,
      auth: deps.auth,
      webhooks: deps.webhooks,
      deliveries: deps.analytics,
      publicGrant,
      clock,
      newId,
      countRejected: metrics.rejected,
      settings: {
        emailCompatAlways200: config.EMAIL_COMPAT_ALWAYS_200,
        graphqlIntrospection: config.MILLRACE_ENV === 'development',
      },
    },
    {
      probes: {
        clickhouse: async (signal) => isUp(await deps.analytics.storeIsUp(signal)),
        nats: async () => isUp(deps.natsIsUp()),
        redis: redis && (async () => isUp((await redis.ping()) === 'PONG')),
      },
      isReady: () => health.ready,
      clock,
    },
  );
  const bodies = createBodyBudget(config.MAX_BODY_BYTES_IN_MEMORY);
  metrics.watchBodies(bodies);
  const listener = await startHttpServer({
    host: config.HOST,
    port: config.PORT,
    routes,
    rpc: createConnectHandler({
      events,
      credentials,
      auth: deps.auth,
      publicGrant,
      questions: deps.analytics,
      deletions: deps.analytics,
      webhooks: deps.webhooks,
      deliveries: deps.analytics,
      checkEvent: guard.check,
      auditLog,
      tail,
      limits,
      clientAddress,
      clock,
      newId,
      countRejected: metrics.rejected,
      metrics,
      health,
      bodies,
      reflection: config.MILLRACE_ENV === 'development',
      tracing,
      log,
    }),
    encodeUnrouted,
    gate: { credentials, limits, publicGrant },
    limitAddress: limitSignIn(limits),
    clientAddress,
    bodies,
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
      await schemas.close();
      redis?.disconnect();
    },
  };
}
