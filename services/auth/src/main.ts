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
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createAuth } from './app.ts';
import { authServiceConfig } from './config.ts';

const config = exitOnConfigError(authServiceConfig);
const log = createLogger({ service: 'auth', level: config.LOG_LEVEL });

await runService({
  log,
  async start() {
    const clock = systemClock;
    const registry = createMetricsRegistry({ service: 'auth', version: '0.1.0' });
    const health = createHealth(['nats', 'credentials']);
    const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
    const tracing = await startTracing({
      service: 'auth',
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      log,
    });
    const connection = await connectNats({
      url: config.NATS_URL,
      name: 'auth',
      log,
      onChange: (connected) => health.set('nats', connected),
    });
    const auth = await createAuth({ connection, config, clock, log, registry });
    const grpc = await startGrpcServer({
      host: config.HOST,
      port: config.GRPC_PORT,
      services: [auth.binding],
      token: createServiceToken({ secret: config.SERVICE_SECRET, clock }),
      registry,
      tracing,
      log,
    });
    health.set('credentials', true);
    log.info(
      { grpcPort: grpc.port, adminPort: admin.port, workspaceId: auth.defaultWorkspaceId },
      'auth is ready',
    );
    return {
      async close() {
        health.drain();
        await grpc.close();
        await auth.close();
        await connection.drain();
        await tracing.close();
        await admin.close();
      },
    };
  },
});
