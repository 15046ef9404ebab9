import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type ClickHouse, pickFreePort, startClickHouse } from '@millrace/embedded';
import {
  callInProcess,
  createLogger,
  createMetricsRegistry,
  loadConfig,
  MillraceError,
  systemClock,
} from '@millrace/runtime';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';
import { createAnalytics } from './app.ts';
import { analyticsSettings } from './config.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const passwords = { application: 'application', inspector: 'inspector' };
const directory = mkdtempSync(join(tmpdir(), 'millrace-analytics-'));

let port: number;
let clickhouse: ClickHouse;
let client: ClickHouseClient;
const replicas: Replica[] = [];

interface Replica {
  readonly prepared: Promise<void>;
  close(): Promise<void>;
  stats(workspaceId: string): Promise<{ ratePerSecond: number; total: number }>;
  storeIsUp(): Promise<boolean>;
}

function startReplica(): Replica {
  const app = createAnalytics({
    // It never comes: what is asked here needs no NATS.
    connection: new Promise(() => undefined),
    config: loadConfig(analyticsSettings, {
      CLICKHOUSE_URL: `http://127.0.0.1:${port}`,
      CLICKHOUSE_USER: 'millrace',
      CLICKHOUSE_PASSWORD: passwords.application,
    }),
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    clock: systemClock,
    log,
  });
  const methods = callInProcess(AnalyticsService, app.bindings.analytics);
  const call = { timeoutMs: 60_000 };
  const replica: Replica = {
    prepared: app.prepared,
    close: () => app.close(),
    async stats(workspaceId: string) {
      const { ingestionRate, totalIngested } = await methods.getStats({ workspaceId }, call);
      return { ratePerSecond: ingestionRate, total: Number(totalIngested) };
    },
    storeIsUp: async () => (await methods.getStoreHealth({}, call)).clickhouseUp,
  };
  replicas.push(replica);
  return replica;
}

const rows = async (sql: string) => (await client.query({ query: sql, format: 'JSONEachRow' })).json();

before(async () => {
  port = await pickFreePort();
  client = createClickHouse({
    url: `http://127.0.0.1:${port}`,
    username: 'millrace',
    password: passwords.application,
    database: 'millrace',
  });
});
after(async () => {
  await Promise.all(replicas.map((app) => app.close()));
  await client?.close();
  await clickhouse?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('answers unavailable until ClickHouse is there; two replicas that start at once agree on the schema', async () => {
  const [first, second] = [startReplica(), startReplica()];
  assert.equal(await first.storeIsUp(), false);
  await assert.rejects(
    first.stats('w1'),
    (error: unknown) => error instanceof MillraceError && error.code === 'unavailable',
  );
  clickhouse = await startClickHouse({ dataDir: directory, passwords, port });
  await Promise.all([first.prepared, second.prepared]);
  assert.equal(await first.storeIsUp(), true);
  assert.deepEqual(await first.stats('w1'), { ratePerSecond: 0, total: 0 });
  assert.deepEqual(await rows('SELECT DISTINCT number, name FROM migrations ORDER BY number'), [
    { number: 1, name: 'events' },
    { number: 2, name: 'views' },
    { number: 3, name: 'dead_letters' },
    { number: 4, name: 'webhook_attempts' },
    { number: 5, name: 'audit_log' },
    { number: 6, name: 'rollups' },
    { number: 7, name: 'properties' },
    { number: 8, name: 'dead_letter_changes' },
    { number: 9, name: 'deliveries' },
  ]);
});

test('a start on a schema that is up to date changes nothing', async () => {
  const before = await rows('SELECT count() AS count FROM migrations');
  await startReplica().prepared;
  assert.deepEqual(await rows('SELECT count() AS count FROM migrations'), before);
});

test('counts the events of one workspace; the rate is over the last minute', async () => {
  await client.command({
    query: `INSERT INTO events (workspace_id, event_id, dialect, source, event_type, payload, occurred_at, received_at)
      SELECT if(number < 90, 'w1', 'w2'), toString(number), if(number % 2 = 0, 'email', 'external-event'), 'example.org', 't', '{}',
        '2026-01-01 00:00:00', now64(3) - if(number < 30, 3600, 1) FROM numbers(100)`,
  });
  const [app] = replicas;
  assert.deepEqual(await app?.stats('w1'), { ratePerSecond: 1, total: 90 });
  assert.deepEqual(await app?.stats('w2'), { ratePerSecond: 10 / 60, total: 10 });
  assert.deepEqual(await app?.stats('unknown'), { ratePerSecond: 0, total: 0 });
  await assert.rejects(async () => app?.stats(''), { code: 'invalid_argument' });
});

test('the total is read from a rollup', async () => {
  const plan = await rows("EXPLAIN SELECT count() FROM events WHERE workspace_id = 'w1'");
  assert.match(JSON.stringify(plan), /p_type/);
});

test('the views show the rows of their dialects', async () => {
  assert.deepEqual(await rows('SELECT count() AS count, any(type) AS type FROM externalEvent'), [
    { count: '50', type: 't' },
  ]);
  assert.deepEqual(
    await rows("SELECT email_hash, domain, event_time FROM analytics.email_events WHERE email_hash = '4'"),
    [{ email_hash: '4', domain: 'example.org', event_time: '2026-01-01 00:00:00.000' }],
  );
});

test('says unavailable, not something else, when ClickHouse goes away', async () => {
  await clickhouse.kill();
  await assert.rejects(async () => replicas[0]?.stats('w1'), { code: 'unavailable' });
  assert.equal(await replicas[0]?.storeIsUp(), false);
});
