import {
  baseConfig,
  clickHouseSettings,
  internalSettings,
  natsReplicas,
  natsSettings,
  redisSettings,
} from '@millrace/runtime';
import { z } from 'zod';

const positive = z.coerce.number().int().min(1);

/** Where the stores are and how events are kept; accept and writer must agree on them. */
export const eventStoreSettings = {
  ...natsSettings,
  NATS_REPLICAS: natsReplicas,
  STREAM_SHARDS: positive
    .max(999)
    .default(1)
    .describe('parts of the stream, each with one writer at a time; after a change the old ones drain'),
  STREAM_MAX_BYTES: positive
    .default(10 * 1024 ** 3)
    .describe('room of the stream EVENTS, in bytes; at 80 % nothing more is accepted'),
  ...redisSettings,
  DEDUP_WINDOW_DAYS: positive
    .max(365)
    .default(7)
    .describe('how long an event id is known, in days: a duplicate that comes later is another event'),
  DEDUP_ACCEPT_KEYS: positive
    .default(200_000)
    .describe('event ids that accept keeps in memory, to answer duplicates as such; about 250 bytes each'),
  DEDUP_MEMORY_KEYS: positive
    .default(4_000_000)
    .describe(
      'event ids that a writer keeps in memory for each shard, up to 32 bytes each; beyond them it asks Redis or ClickHouse',
    ),
};

/** How the writer cuts its batches. */
export const writerSettings = {
  WRITER_BATCH_ROWS: positive
    .max(1_000_000)
    .default(50_000)
    .describe('rows of an insert at most, give or take a message'),
  WRITER_BATCH_BYTES: positive.default(32 * 1024 ** 2).describe('bytes of an insert at most'),
  WRITER_BATCH_WAIT_MS: positive
    .max(60_000)
    .default(1_000)
    .describe('longest that an event waits for others under load, in milliseconds; a lone one waits 50'),
  WRITER_READ_AHEAD_BYTES: positive
    .default(32 * 1024 ** 2)
    .describe('how far each shard is read ahead of ClickHouse, in bytes'),
};

/** Settings of the ingest roles, wherever they run. */
export const ingestSettings = baseConfig.extend({
  ...eventStoreSettings,
  ...clickHouseSettings,
  ...writerSettings,
});

/** Settings of the ingest service as a process of its own. */
export const ingestConfig = ingestSettings.extend({
  INGEST_ROLE: z
    .enum(['accept', 'writer', 'both'])
    .default('both')
    .describe('accept takes events from the edge into the stream; writer stores them in ClickHouse'),
  GRPC_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7002)
    .describe('port of the internal gRPC server of accept; 0 for any'),
  ...internalSettings,
});

/** What `ingestSettings` yields. */
export type IngestSettings = z.output<typeof ingestSettings>;

/** What `ingestConfig` yields. */
export type IngestConfig = z.output<typeof ingestConfig>;
