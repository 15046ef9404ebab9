import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@millrace/analytics';
import { type ClickHouse, type NatsServer, startClickHouse, startNatsServer } from '@millrace/embedded';
import { createLogger, systemClock } from '@millrace/runtime';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';

/** Real stores for one test file, each a process of its own. */
export interface TestStores {
  nats: NatsServer;
  clickhouse: ClickHouse;
  /** As the services connect. */
  client: ClickHouseClient;
  restartClickHouse(): Promise<void>;
  restartNats(): Promise<void>;
  stop(): Promise<void>;
}

/** Logs only when a test is being looked into: `LOG_LEVEL=debug`. */
export const testLog = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });

const DATABASE = 'millrace';
const passwords = { application: 'application', inspector: 'inspector' };

/** Starts nats-server and ClickHouse on a new directory, with the schema in place. */
export async function startStores(): Promise<TestStores> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-writer-'));
  const natsDir = join(directory, 'nats');
  const clickhouseDir = join(directory, 'clickhouse');
  const [nats, clickhouse] = await Promise.all([
    startNatsServer({ password: 'a-password-of-tests', dataDir: natsDir }),
    startClickHouse({ dataDir: clickhouseDir, passwords }),
  ]);
  const connection = { url: clickhouse.url, ...clickhouse.application };
  const bare = createClickHouse({ ...connection, database: 'default' });
  try {
    await migrate({ client: bare, target: { database: DATABASE, cluster: '' }, log: testLog });
  } catch (error) {
    await Promise.all([nats.stop(), clickhouse.stop()]);
    throw error;
  } finally {
    await bare.close();
  }
  const stores: TestStores = {
    nats,
    clickhouse,
    client: createClickHouse({ ...connection, database: DATABASE }),
    async restartClickHouse() {
      stores.clickhouse = await startClickHouse({
        dataDir: clickhouseDir,
        passwords,
        port: clickhouse.port,
      });
    },
    async restartNats() {
      stores.nats = await startNatsServer({
        password: 'a-password-of-tests',
        dataDir: natsDir,
        port: nats.port,
      });
    },
    async stop() {
      await stores.client.close();
      await Promise.all([stores.nats.stop(), stores.clickhouse.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return stores;
}

/** The real clock; leases and deadlines of a test run in real time. */
export const testClock = systemClock;
