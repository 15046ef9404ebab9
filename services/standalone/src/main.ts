import {
  createHealth,
  createLogger,
  createMetricsRegistry,
  exitOnConfigError,
  runService,
  startAdminServer,
  startTracing,
  systemClock,
  VERSION,
} from '@millrace/runtime';
import { createStandalone } from './app.ts';
import { standaloneConfig } from './config.ts';

const config = exitOnConfigError(standaloneConfig);
const log = createLogger({ service: 'standalone', level: config.LOG_LEVEL });

await runService({
  log,
  async start() {
    const clock = systemClock;
    const registry = createMetricsRegistry({ service: 'standalone', version: VERSION });
    const health = createHealth(['nats', 'listening']);
    const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
    const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
    const tracing = await startTracing({ service: 'standalone', endpoint, log });
    const standalone = await createStandalone({ config, health, registry, tracing, clock, log });
    log.info({ port: standalone.port, adminPort: admin.port }, 'standalone is ready');
    return {
      async close() {
        await standalone.close();
        await tracing.close();
        await admin.close();
      },
    };
  },
});
