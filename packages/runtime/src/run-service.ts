import closeWithGrace from 'close-with-grace';
import { startAdminServer } from './admin-server.ts';
import type { BaseConfig } from './base-config.ts';
import { type Clock, systemClock } from './clock.ts';
import { createHealth, type Health } from './health.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetricsRegistry, type MetricsRegistry } from './metrics.ts';
import { startTracing, type Tracing } from './tracing.ts';
import { VERSION } from './version.ts';

/** Something that was started and must be stopped. */
export interface Closable {
  close(): Promise<void>;
}

/** What every service is built with. */
export interface ServiceContext {
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
  readonly registry: MetricsRegistry;
  readonly tracing: Tracing;
}

/** Longest that a process may take to go down, in milliseconds. */
const SHUTDOWN_DEADLINE_MS = 45_000;

/**
 * Runs a service: admin port, logs, metrics and traces first, then what `start` builds; on SIGTERM, SIGINT or an
 * uncaught error everything is closed in reverse. A failed start is logged and exits 1.
 */
export async function runService(options: {
  name: string;
  config: BaseConfig;
  /** What must hold before the process gets traffic; see `createHealth`. */
  conditions: readonly string[];
  start: (context: ServiceContext) => Promise<Closable>;
}): Promise<void> {
  const { name, config } = options;
  const log = createLogger({ service: name, level: config.LOG_LEVEL });
  let running: Closable;
  try {
    running = await startAll(options, log);
  } catch (error) {
    log.fatal({ err: error }, 'start failed');
    process.exit(1);
  }
  closeWithGrace({ delay: SHUTDOWN_DEADLINE_MS, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'uncaught error, stopping');
    else log.info({ signal }, 'stopping');
    await running.close();
    log.info('stopped');
  });
}

async function startAll(options: Parameters<typeof runService>[0], log: Logger): Promise<Closable> {
  const { name, config } = options;
  const registry = createMetricsRegistry({ service: name, version: VERSION });
  const health = createHealth(options.conditions);
  const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
  const tracing = await startTracing({ service: name, endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT, log });
  const service = await options.start({ clock: systemClock, health, log, registry, tracing });
  log.info({ adminPort: admin.port }, 'started');
  return {
    async close() {
      health.drain();
      await service.close();
      await tracing.close();
      await admin.close();
    },
  };
}
