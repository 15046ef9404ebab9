import { randomBytes } from 'node:crypto';
import { type Clock, type Logger, type MetricsRegistry, type Tracing, waitWithin } from '@millrace/runtime';
import {
  clickHouseFrom,
  createClickHouse,
  createEventTable,
  createPublisher,
  ensureEventStreams,
  type NatsConnection,
  openEventLog,
  openProperties,
  openRedis,
  redisKnownKeys,
  watchNatsLimits,
} from '@millrace/stores';
import { NEEDED_PAYLOAD_BYTES } from '../accept/pack.ts';
import type { IngestSettings } from '../config.ts';
import { createWriterMetrics } from '../metrics.ts';
import type { Failpoint } from './insert-batch.ts';
import { PART_ITEMS } from './parking.ts';
import { createWriter, type Writer } from './writer.ts';

/** What the writer role of a process works with. */
export interface WriterRoleOptions {
  readonly connection: NatsConnection;
  readonly config: IngestSettings;
  readonly registry: MetricsRegistry;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failpoint?: Failpoint | undefined;
}

const PARK_DEADLINE_MS = 30_000;
const PARK_ATTEMPT_MS = 3_000;
const PARK_PENDING = 4 * PART_ITEMS;
const DAY_MS = 86_400_000;

/** Makes sure that the streams are there and builds a writer; ClickHouse and Redis may be away. */
export async function createWriterRole(options: WriterRoleOptions): Promise<Writer> {
  const { connection, config, clock, log } = options;
  const limits = watchNatsLimits({ connection, neededBytes: NEEDED_PAYLOAD_BYTES, log });
  const manager = await waitWithin(connection.startup, 'JetStream', () => connection.jetstreamManager());
  const kept = { replicas: config.NATS_REPLICAS, maxBytes: config.STREAM_MAX_BYTES };
  await waitWithin(connection.startup, 'the stream EVENTS', () => ensureEventStreams(manager, kept));
  const owner = randomBytes(6).toString('hex');
  const eventLog = await openEventLog({
    connection,
    replicas: config.NATS_REPLICAS,
    owner,
    readAheadBytes: config.WRITER_READ_AHEAD_BYTES,
    clock,
    log,
  });
  const properties = await openProperties({ connection, replicas: config.NATS_REPLICAS, clock, log });
  const client = createClickHouse(clickHouseFrom(config, log));
  const publisher = createPublisher({
    connection,
    log,
    deadlineMs: PARK_DEADLINE_MS,
    attemptMs: PARK_ATTEMPT_MS,
    maxPending: PARK_PENDING,
    monotonic: clock.monotonic,
  });
  const redis = openRedis(config, log);
  const dedupWindowMs = config.DEDUP_WINDOW_DAYS * DAY_MS;
  const writer = createWriter({
    eventLog,
    table: createEventTable({
      client,
      database: config.CLICKHOUSE_DATABASE,
      replicated: config.CLICKHOUSE_CLUSTER !== undefined,
    }),
    sharedKeys: redis && redisKnownKeys({ redis, windowMs: dedupWindowMs, clock, log }),
    publisher,
    limits,
    propertiesOf: properties.planOf,
    shardCount: config.STREAM_SHARDS,
    batches: {
      rows: config.WRITER_BATCH_ROWS,
      bytes: config.WRITER_BATCH_BYTES,
      waitMs: config.WRITER_BATCH_WAIT_MS,
    },
    dedupWindowMs,
    dedupMemoryKeys: config.DEDUP_MEMORY_KEYS,
    owner,
    failpoint: options.failpoint,
    metrics: createWriterMetrics(options.registry),
    tracing: options.tracing,
    clock,
    log,
  });
  return {
    start: writer.start,
    async close() {
      await writer.close();
      await properties.close();
      publisher.close();
      redis?.disconnect();
      await client.close();
    },
  };
}
