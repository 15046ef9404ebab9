import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createMetricsRegistry, type MetricsRegistry } from '@millrace/runtime';
import {
  connectNats,
  createEventTable,
  createPublisher,
  DEAD_LETTERS_STREAM,
  type EventLog,
  type EventTable,
  ensureEventStreams,
  type Lease,
  type NatsConnection,
  openEventLog,
  type Publisher,
  type Shard,
  type SharedKnownKeys,
  shardNumber,
  shardSubject,
  watchNatsLimits,
} from '@millrace/stores';
import type { PropertyPlan } from '@millrace/wire';
import { createWriterMetrics } from '../src/metrics.ts';
import type { Failpoint } from '../src/writer/insert-batch.ts';
import { createWriter, type Writer } from '../src/writer/writer.ts';
import { encodeEnvelope, type TestEvent } from './events.ts';
import { startStores, type TestStores, testClock, testLog } from './stores.ts';

const WRITER_PROCESS = new URL('writer-process.ts', import.meta.url).pathname;

/** The one shard that the tests write to. */
export const SHARD: Shard = { count: 1, index: 0 };

/** A process that writes, as far as NATS and ClickHouse can tell. */
export interface TestWriter {
  readonly writer: Writer;
  readonly eventLog: EventLog;
  readonly metrics: MetricsRegistry;
  close(): Promise<void>;
}

/** Stores, and what publishes to and reads from them. */
export interface World {
  readonly stores: TestStores;
  readonly table: EventTable;
  publish(events: readonly TestEvent[]): Promise<number>;
  publishBytes(payload: Buffer): Promise<number>;
  startWriter(options?: WriterOptions): Promise<TestWriter>;
  /** Starts a writer that kills itself at a failpoint. */
  spawnWriter(environment: Record<string, string>): ChildProcess;
  /** Rows and distinct ids in the table and its rollup. */
  counts(): Promise<{ rows: number; ids: number; rollup: number }>;
  query<Row>(sql: string): Promise<Row[]>;
  /** Messages in the stream of dead letters. */
  deadLetterCount(): Promise<number>;
  /** Waits until the table has so many rows. */
  until(rows: number, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** What a test changes about a writer. */
export interface WriterOptions {
  readonly failpoint?: Failpoint;
  readonly table?: (table: EventTable) => EventTable;
  readonly sharedKeys?: SharedKnownKeys;
  readonly memoryKeys?: number;
  readonly batchRows?: number;
  readonly propertiesOf?: (workspaceId: string) => PropertyPlan | undefined;
  /** Writes without asking for a lease, as one does that was paused and doesn't know yet. */
  readonly withoutLease?: boolean;
}

/** Starts the stores and makes the streams. */
export async function createWorld(options: { streamMaxBytes?: number } = {}): Promise<World> {
  const stores = await startStores();
  const connection = await connectNats({ url: stores.nats.url, name: 'test', log: testLog });
  await ensureEventStreams(await connection.jetstreamManager(), {
    replicas: 1,
    maxBytes: options.streamMaxBytes ?? 2 ** 30,
  });
  const publisher = publisherOn(connection);
  const writers = new Set<TestWriter>();
  const processes = new Set<ChildProcess>();
  let messageCounter = 0;
  const world: World = {
    stores,
    table: createEventTable({ client: stores.client, database: 'millrace' }),
    async publish(events) {
      return world.publishBytes(encodeEnvelope(events));
    },
    async publishBytes(payload) {
      const { seq } = await publisher.publish({
        subject: shardSubject(SHARD),
        payload,
        messageId: `test-${messageCounter++}`,
      });
      return seq;
    },
    async startWriter(options = {}) {
      const writer = await startWriter(stores, options);
      writers.add(writer);
      return writer;
    },
    spawnWriter(environment) {
      const child = spawn(process.execPath, [WRITER_PROCESS], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: {
          ...process.env,
          LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
          NATS_URL: stores.nats.url,
          CLICKHOUSE_URL: stores.clickhouse.url,
          CLICKHOUSE_USER: stores.clickhouse.application.username,
          CLICKHOUSE_PASSWORD: stores.clickhouse.application.password,
          WRITER_BATCH_ROWS: '50',
          DEDUP_MEMORY_KEYS: '100000',
          ...environment,
        },
      });
      processes.add(child);
      child.once('exit', () => processes.delete(child));
      return child;
    },
    async counts() {
      const [row] = await world.query<{ rows: string; ids: string }>(
        'SELECT count() AS rows, uniqExact(event_id) AS ids FROM events SETTINGS optimize_use_projections = 0',
      );
      const [rollup] = await world.query<{ count: string }>(
        `SELECT sum(c) AS count FROM (SELECT event_type, count() AS c FROM events GROUP BY workspace_id, event_type
         SETTINGS force_optimize_projection = 1, preferred_optimize_projection_name = 'p_type')`,
      );
      return { rows: Number(row?.rows), ids: Number(row?.ids), rollup: Number(rollup?.count) };
    },
    async query<Row>(sql: string) {
      const result = await stores.client.query({ query: sql, format: 'JSONEachRow' });
      return result.json<Row>();
    },
    async deadLetterCount() {
      const manager = await connection.jetstreamManager();
      return (await manager.streams.info(DEAD_LETTERS_STREAM)).state.messages;
    },
    async until(rows, timeoutMs = 20_000) {
      const giveUpAt = Date.now() + timeoutMs;
      for (;;) {
        const [found] = await world
          .query<{ rows: string }>('SELECT count() AS rows FROM events')
          .catch(() => []);
        if (Number(found?.rows) >= rows) return;
        if (Date.now() > giveUpAt) throw new Error(`${found?.rows} of ${rows} rows after ${timeoutMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close() {
      for (const child of processes) child.kill('SIGKILL');
      await Promise.all([...writers].map((writer) => writer.close()));
      publisher.close();
      await connection.close();
      await stores.stop();
    },
  };
  return world;
}

function publisherOn(connection: NatsConnection): Publisher {
  return createPublisher({
    connection,
    log: testLog,
    deadlineMs: 10_000,
    attemptMs: 2_000,
    maxPending: 100_000,
    monotonic: () => performance.now(),
  });
}

const ENDLESS_LEASE: Lease = {
  valid: true,
  lost: new AbortController().signal,
  release: async () => undefined,
};

async function startWriter(stores: TestStores, options: WriterOptions): Promise<TestWriter> {
  const owner = `test-${randomBytes(4).toString('hex')}`;
  const connection = await connectNats({ url: stores.nats.url, name: owner, log: testLog });
  const publisher = publisherOn(connection);
  const eventLog = await openEventLog({
    connection,
    replicas: 1,
    owner,
    readAheadBytes: 8 * 1024 * 1024,
    clock: testClock,
    log: testLog,
  });
  const table = createEventTable({ client: stores.client, database: 'millrace' });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const writer = createWriter({
    eventLog: options.withoutLease
      ? { ...eventLog, leases: { acquire: async () => ENDLESS_LEASE } }
      : eventLog,
    table: options.table?.(table) ?? table,
    sharedKeys: options.sharedKeys,
    publisher,
    limits: watchNatsLimits({ connection, neededBytes: 1, log: testLog }),
    propertiesOf: options.propertiesOf ?? (() => undefined),
    shardCount: SHARD.count,
    batches: { rows: options.batchRows ?? 10_000, bytes: 32 * 1024 * 1024, waitMs: 200 },
    dedupWindowMs: 7 * 86_400_000,
    dedupMemoryKeys: options.memoryKeys ?? 100_000,
    owner,
    failpoint: options.failpoint,
    metrics: createWriterMetrics(registry),
    tracing: { enabled: false, start: () => undefined, close: async () => undefined },
    clock: testClock,
    log: testLog,
  });
  writer.start();
  let ended = false;
  return {
    writer,
    eventLog,
    metrics: registry,
    async close() {
      if (ended) return;
      ended = true;
      await writer.close();
      publisher.close();
      await connection.close();
    },
  };
}

/** The column `_shard` of the tests' shard. */
export const SHARD_NUMBER = shardNumber(SHARD);
