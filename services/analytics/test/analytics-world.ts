import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { pickFreePort, startClickHouse } from '@millrace/embedded';
import {
  type Clock,
  callInProcess,
  createLogger,
  createMetricsRegistry,
  loadConfig,
  systemClock,
} from '@millrace/runtime';
import { createClickHouse, type NatsConnection } from '@millrace/stores';
import { createAnalytics } from '../src/app.ts';
import { analyticsSettings } from '../src/config.ts';

/** Says nothing. */
export const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });

const passwords = { application: 'application', inspector: 'inspector', sql: 'statements' };

/** A ClickHouse, and analytics over it; NATS never comes unless a replica is given one. */
export async function createAnalyticsWorld(options: { settings?: Record<string, string> } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-analytics-'));
  const port = await pickFreePort();
  const settings = {
    CLICKHOUSE_URL: `http://127.0.0.1:${port}`,
    CLICKHOUSE_USER: 'millrace',
    CLICKHOUSE_PASSWORD: passwords.application,
    CLICKHOUSE_SQL_PASSWORD: passwords.sql,
    ...options.settings,
  };
  const start = () => startClickHouse({ dataDir: directory, passwords, port });
  const client = createClickHouse({
    url: settings.CLICKHOUSE_URL,
    username: settings.CLICKHOUSE_USER,
    password: passwords.application,
    database: 'millrace',
  });
  const apps: { close(): Promise<void> }[] = [];
  let clickHouse = await start();

  return {
    client,
    /** A replica of analytics. */
    startReplica(
      clock: Clock = systemClock,
      connection: Promise<NatsConnection> = new Promise<NatsConnection>(() => undefined),
    ) {
      const registry = createMetricsRegistry({ service: 'test', version: '0' });
      const config = loadConfig(analyticsSettings, settings);
      const app = createAnalytics({ connection, config, registry, clock, log });
      apps.push(app);
      return {
        ...{ app, registry, methods: callInProcess(AnalyticsService, app.bindings.analytics) },
        deliveries: callInProcess(DeliveryService, app.bindings.deliveries),
      };
    },
    async rows(query: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>[]> {
      const answer = await client.query({ query, query_params: params, format: 'JSONEachRow' });
      return answer.json();
    },
    kill: () => clickHouse.kill(),
    async restart() {
      clickHouse = await start();
    },
    async close() {
      await Promise.all(apps.map((app) => app.close()));
      await client.close();
      await clickHouse.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What `createAnalyticsWorld` yields. */
export type AnalyticsWorld = Awaited<ReturnType<typeof createAnalyticsWorld>>;
