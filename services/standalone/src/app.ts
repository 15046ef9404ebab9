import { type Analytics, createAnalytics } from '@millrace/analytics';
import { createAuth } from '@millrace/auth';
import { type AnalyticsGateway, connectCredentials, createEdge, type IngestGateway } from '@millrace/edge';
import { createIngest } from '@millrace/ingest';
import {
  type Clock,
  type Closable,
  type Health,
  type Logger,
  type MetricsRegistry,
  MillraceError,
  type Tracing,
  uuidv7,
  VERSION,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import type { StandaloneConfig } from './config.ts';

/** Longest that a question may take, as between services, in milliseconds. */
const ANALYTICS_TIMEOUT_MS = 5_000;

/** Every role in one process: what the services ask each other by gRPC is a call here, and nothing else differs. */
export async function createStandalone(options: {
  config: StandaloneConfig;
  health: Health;
  registry: MetricsRegistry;
  tracing: Tracing;
  clock: Clock;
  log: Logger;
}): Promise<Closable & { port: number }> {
  const { config, health, registry, tracing, clock, log } = options;
  let natsIsUp = false;
  const connection = await connectNats({
    url: config.NATS_URL,
    name: 'standalone',
    log,
    onChange: (connected) => {
      natsIsUp = connected;
      health.set('nats', connected);
    },
  });
  const role = config.MILLRACE_ROLES.includes('writer') ? 'both' : 'accept';
  const analytics = createAnalytics({ config, registry, log });
  analytics.prepared.catch((error: unknown) => {
    if (health.draining) return;
    log.fatal({ err: error }, 'the event store can not be used');
    process.exit(1);
  });
  const [auth, ingest] = await Promise.all([
    createAuth({ connection, config, clock, log, registry }),
    createIngest({ role, connection, config, registry, tracing, clock, log }),
  ]);
  const credentials = connectCredentials({ lookUp: auth.verify, connection, registry, clock, log });
  const edge = await createEdge({
    config,
    ingest: inProcessIngest(ingest.accept),
    credentials,
    analytics: inProcessAnalytics(analytics),
    natsIsUp: () => natsIsUp,
    redisIsUp: undefined,
    health,
    registry,
    tracing,
    clock,
    newId: uuidv7,
    version: VERSION,
    log,
  });
  health.set('listening', true);
  return {
    port: edge.port,
    async close() {
      health.drain();
      await edge.close();
      credentials.close();
      for (const part of [ingest, analytics, auth]) await part.close();
      await connection.drain();
    },
  };
}

function inProcessIngest(accept: IngestGateway | undefined): IngestGateway {
  if (accept) return accept;
  throw new MillraceError('internal', 'the role accept was built without its gateway');
}

function inProcessAnalytics(analytics: Analytics): AnalyticsGateway {
  return {
    read: (workspaceId) => analytics.stats(workspaceId, AbortSignal.timeout(ANALYTICS_TIMEOUT_MS)),
    storeIsUp: analytics.storeIsUp,
  };
}
