import {
  createHealth,
  createLogger,
  createMetricsRegistry,
  createServiceToken,
  exitOnConfigError,
  runService,
  startAdminServer,
  startGrpcServer,
  startTracing,
  systemClock,
  VERSION,
} from '@millrace/runtime';
import { createAnalytics } from './app.ts';
import { analyticsConfig } from './config.ts';

const config = exitOnConfigError(analyticsConfig);
const log = createLogger({ service: 'analytics', level: config.LOG_LEVEL });

await runService({
  log,
  async start() {
    const registry = createMetricsRegistry({ service: 'analytics', version: VERSION });
    const health = createHealth(['listening']);
    const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
    const tracing = await startTracing({
      service: 'analytics',
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      log,
    });
    const analytics = createAnalytics({ config, registry, log });
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: [analytics.binding],
      token: createServiceToken({ secret: config.SERVICE_SECRET, clock: systemClock }),
      registry,
      tracing,
      log,
    });
    health.set('listening', true);
    log.info({ grpcPort: grpc.port, adminPort: admin.port }, 'analytics is listening');
    analytics.prepared.catch((error: unknown) => {
      if (health.draining) return;
      log.fatal({ err: error }, 'the event store can not be used');
      process.exit(1);
    });
    return {
      async close() {
        health.drain();
        await grpc.close();
        await analytics.close();
        await tracing.close();
        await admin.close();
      },
    };
  },
});
