import type { GrpcServiceBinding, Logger, MetricsRegistry } from '@millrace/runtime';
import { createClickHouse } from '@millrace/stores';
import type { AnalyticsSettings } from './config.ts';
import { createEventQuestions } from './event-questions.ts';
import { createAnalyticsMetrics } from './metrics.ts';
import { prepareStore } from './prepare-store.ts';
import { type Analytics, bindAnalytics, createAnalyticsService } from './service.ts';

/** The analytics role of a process. */
export interface AnalyticsApp extends Analytics {
  readonly binding: GrpcServiceBinding;
  /** Resolves when the schema is in place. Rejects when it can't be, which nobody needs to handle: the process is of no use then. */
  readonly prepared: Promise<void>;
  close(): Promise<void>;
}

/** Builds analytics and begins to prepare the store; answers `unavailable` until that is done. */
export function createAnalytics(options: {
  config: AnalyticsSettings;
  registry: MetricsRegistry;
  log: Logger;
}): AnalyticsApp {
  const { config, log } = options;
  const connection = {
    url: config.CLICKHOUSE_URL,
    username: config.CLICKHOUSE_USER,
    password: config.CLICKHOUSE_PASSWORD,
  };
  const client = createClickHouse({ ...connection, database: config.CLICKHOUSE_DATABASE });
  // The database that the other client works in may have to be made first.
  const founder = createClickHouse({ ...connection, database: 'default' });
  const closing = new AbortController();
  let ready = false;
  const prepared = prepareStore({
    client: founder,
    database: config.CLICKHOUSE_DATABASE,
    cluster: config.CLICKHOUSE_CLUSTER ?? '',
    signal: closing.signal,
    log,
  })
    .then(() => {
      ready = true;
    })
    .finally(() => founder.close());
  const questions = createEventQuestions({ client, metrics: createAnalyticsMetrics(options.registry) });
  const analytics = createAnalyticsService({ questions, isReady: () => ready });
  return {
    ...analytics,
    binding: bindAnalytics(analytics),
    prepared,
    async close() {
      closing.abort();
      await Promise.allSettled([prepared]);
      await client.close();
    },
  };
}
