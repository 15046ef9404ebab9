import closeWithGrace from 'close-with-grace';
import packageJson from '../package.json' with { type: 'json' };
import { createHealth, type Health, startAdminServer } from './admin-server.ts';
import { type Clock, systemClock } from './clock.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetricsRegistry, type MetricsRegistry } from './metrics.ts';
import type { BaseConfig } from './shared-settings.ts';
import { beginStartup, type Startup } from './startup.ts';
import { startTracing, type Tracing } from './tracing.ts';

/** The release, for example `0.1.0`. */
export const VERSION: string = packageJson.version;

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
  /** Waits for what the service can't start without. */
  readonly startup: Startup;
}

/** Longest that a process may take to go down, in milliseconds. */
const SHUTDOWN_DEADLINE_MS = 45_000;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a service: admin port, logs, metrics and traces first, then what `start` builds; on SIGTERM, SIGINT or an
 * uncaught error everything is closed in reverse. A failed start is logged and exits 1; one that is told to stop has
 * nothing to drain and exits at once.
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
  const stopping = new AbortController();
  const stopWaiting = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopped while starting');
    stopping.abort();
    process.exit(0);
  };
  for (const signal of SIGNALS) process.on(signal, stopWaiting);
  const startup = beginStartup({
    budgetMs: config.STARTUP_TIMEOUT_SECONDS * 1_000,
    signal: stopping.signal,
    log,
  });
  let running: Closable;
  try {
    running = await startAll(options, { log, startup });
    startup.end();
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
  for (const signal of SIGNALS) process.off(signal, stopWaiting);
}

async function startAll(
  options: Parameters<typeof runService>[0],
  { log, startup }: Pick<ServiceContext, 'log' | 'startup'>,
): Promise<Closable> {
  const { name, config } = options;
  const registry = createMetricsRegistry({ service: name, version: VERSION });
  const health = createHealth(options.conditions);
  const admin = await startAdminServer({ host: config.HOST, port: config.ADMIN_PORT, health, registry });
  const tracing = await startTracing({ service: name, endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT, log });
  const service = await options.start({ clock: systemClock, health, log, registry, tracing, startup });
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
