import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { pickFreePort, startClickHouse, startNatsServer } from '@millrace/embedded';
import {
  callInProcess,
  createLogger,
  createMetricsRegistry,
  loadConfig,
  systemClock,
} from '@millrace/runtime';
import { connectNats, createClickHouse, type NewAuditEntry, openAuditLog } from '@millrace/stores';
import { createAnalytics } from '../src/app.ts';
import { analyticsSettings } from '../src/config.ts';

/** What is asked of a page. */
export interface PageWish {
  readonly workspaceId: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
  readonly action?: string;
  readonly actorUserId?: string;
  readonly targetId?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Says nothing. */
export const log = createLogger({ service: 'test', level: 'silent' });

const passwords = { application: 'application', inspector: 'inspector' };
const CALL = { timeoutMs: 5_000 };

/** A nats-server, ClickHouse and the analytics role, each of which can be stopped and started. */
export async function createAuditWorld() {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-audit-'));
  const [natsPort, clickHousePort] = [await pickFreePort(), await pickFreePort()];
  const startNats = () =>
    startNatsServer({ password: 'a-password-of-tests', dataDir: join(directory, 'nats'), port: natsPort });
  const startStore = () =>
    startClickHouse({ dataDir: join(directory, 'clickhouse'), passwords, port: clickHousePort });
  const settings = {
    CLICKHOUSE_URL: `http://127.0.0.1:${clickHousePort}`,
    CLICKHOUSE_USER: 'millrace',
    CLICKHOUSE_PASSWORD: passwords.application,
  };
  const client = createClickHouse({
    url: settings.CLICKHOUSE_URL,
    username: settings.CLICKHOUSE_USER,
    password: passwords.application,
    database: 'millrace',
  });
  let nats = await startNats();
  let clickHouse = await startStore();
  const connect = () => connectNats({ url: nats.url, name: 'test', log });
  const connection = await connect();
  const auditLog = await openAuditLog({ connection, replicas: 1, clock: systemClock });
  const closing: (() => Promise<void>)[] = [];

  /** A replica of analytics, its writer included. */
  async function startReplica() {
    const registry = createMetricsRegistry({ service: 'test', version: '0' });
    const replicaConnection = await connect();
    const app = createAnalytics({
      connection: replicaConnection,
      config: loadConfig(analyticsSettings, settings),
      registry,
      clock: systemClock,
      log,
    });
    await app.prepared;
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= app.close().then(() => replicaConnection.close());
      return closed;
    };
    closing.push(close);
    const methods = callInProcess(AnalyticsService, app.bindings.analytics);
    return {
      close,
      counter: async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value ?? 0,
      page: ({ fromMs, toMs, ...wish }: PageWish) =>
        methods.listAuditEntries({ ...wish, ...timeOf('from', fromMs), ...timeOf('to', toMs) }, CALL),
    };
  }

  return {
    connect,
    connection,
    client,
    startReplica,
    record: (entry: Partial<NewAuditEntry> & { workspaceId: string }) =>
      auditLog.record({ ...someEntry, ...entry }),
    /** Rows as they lie in the table, copies included. */
    async rows(workspaceId: string) {
      const answer = await client.query({
        query: 'SELECT id FROM audit_log WHERE workspace_id = {workspaceId:String}',
        query_params: { workspaceId },
        format: 'JSONEachRow',
      });
      return (await answer.json()).length;
    },
    stopClickHouse: () => clickHouse.kill(),
    async startClickHouse() {
      clickHouse = await startStore();
    },
    stopNats: () => nats.kill(),
    async startNats() {
      nats = await startNats();
    },
    async close() {
      for (const closeOne of closing) await closeOne();
      await client.close();
      await connection.close();
      await clickHouse.stop();
      await nats.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What `createAuditWorld` yields. */
export type AuditWorld = Awaited<ReturnType<typeof createAuditWorld>>;

/** Tries until an assertion holds; throws what it threw last. */
export async function eventually(assertion: () => Promise<void>, timeoutMs: number): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await delay(50);
  }
}

/** Every page from the first on; fails when there are more than 100. */
export async function readAll(page: (wish: PageWish) => ReturnType<Replica['page']>, wish: PageWish) {
  const entries = [];
  let pageToken = '';
  for (let pages = 0; pages < 100; pages++) {
    const answer = await page({ ...wish, pageToken });
    entries.push(...answer.entries);
    pageToken = answer.nextPageToken;
    if (pageToken === '') return entries;
  }
  return assert.fail('the pages do not end');
}

/** A replica of the world. */
export type Replica = Awaited<ReturnType<AuditWorld['startReplica']>>;

const someEntry = {
  action: 'credential.created',
  outcome: 'succeeded',
  actor: { userId: 'user', credentialId: 'credential', ipAddress: '192.0.2.1', requestId: 'request' },
  target: { type: 'credential', id: 'target' },
} as const;

function timeOf<Name extends 'from' | 'to'>(name: Name, ms: number | undefined) {
  if (ms === undefined) return {};
  return { [name]: { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1e6 } };
}
