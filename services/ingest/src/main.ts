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
import { connectNats } from '@millrace/stores';
import { createIngest } from './app.ts';
import { ingestConfig } from './config.ts';

const config = exitOnConfigError(ingestConfig);
const role = config.INGEST_ROLE;
const log = createLogger({ service: 'ingest', level: config.LOG_LEVEL });

await runService({
  log,
  async start() {
    const clock = systemClock;
    const registry = createMetricsRegistry({ service: 'ingest', version: VERSION });
    const health = createHealth(['nats', 'started']);
    const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
    const tracing = await startTracing({
      service: 'ingest',
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      log,
    });
    const connection = await connectNats({
      url: config.NATS_URL,
      name: `ingest-${role}`,
      log,
      onChange: (connected) => health.set('nats', connected),
    });
    const ingest = await createIngest({ role, connection, config, registry, tracing, clock, log });
    const token = createServiceToken({ secret: config.SERVICE_SECRET, clock });
    const { HOST: host, GRPC_PORT: port } = config;
    const services = ingest.bindings;
    const grpc =
      services.length > 0
        ? await startGrpcServer({ host, port, services, token, registry, tracing, log })
        : undefined;
    health.set('started', true);
    log.info({ role, grpcPort: grpc?.port, adminPort: admin.port }, 'ingest is ready');
    return {
      async close() {
        health.drain();
        await grpc?.close();
        await ingest.close();
        await connection.drain();
        for (const part of [tracing, admin]) await part.close();
      },
    };
  },
});
