import {
  createHealth,
  createLogger,
  createMetricsRegistry,
  createServiceToken,
  exitOnConfigError,
  runService,
  startAdminServer,
  startTracing,
  systemClock,
  uuidv7,
  VERSION,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createEdge } from './app.ts';
import { edgeConfig } from './config.ts';
import { analyticsOverGrpc } from './gateway/analytics.ts';
import { connectCredentials } from './gateway/credentials-connect.ts';
import { createGrpcCredentialLookup } from './gateway/credentials-lookup-grpc.ts';
import { ingestOverGrpc } from './gateway/ingest-grpc.ts';

const config = exitOnConfigError(edgeConfig);
const log = createLogger({ service: 'edge', level: config.LOG_LEVEL });

await runService({
  log,
  async start() {
    const clock = systemClock;
    const registry = createMetricsRegistry({ service: 'edge', version: VERSION });
    const health = createHealth(['nats', 'listening']);
    const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
    const tracing = await startTracing({
      service: 'edge',
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      log,
    });
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    let natsIsUp = false;
    const connection = await connectNats({
      url: config.NATS_URL,
      name: 'edge',
      log,
      onChange: (connected) => {
        natsIsUp = connected;
        health.set('nats', connected);
      },
    });
    const lookup = createGrpcCredentialLookup({ address: config.AUTH_ADDRESS, token });
    const credentials = connectCredentials({ lookUp: lookup.lookUp, connection, registry, clock, log });
    const ingest = ingestOverGrpc({ address: config.INGEST_ADDRESS, token });
    const analytics = analyticsOverGrpc({ address: config.ANALYTICS_ADDRESS, token });
    const edge = await createEdge({
      config,
      ingest,
      credentials,
      analytics,
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
    log.info({ port: edge.port, adminPort: admin.port }, 'edge is ready');
    return {
      async close() {
        health.drain();
        await edge.close();
        credentials.close();
        for (const client of [lookup, ingest, analytics]) client.close();
        await connection.drain();
        await tracing.close();
        await admin.close();
      },
    };
  },
});
