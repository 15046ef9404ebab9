import { IngestService } from '@millrace/contracts/millrace/ingest/v1/ingest';
import {
  bindService,
  type Clock,
  fieldError,
  type GrpcServiceBinding,
  type Logger,
  type MetricsRegistry,
  type RedisSettings,
  type Tracing,
  uuidv7,
  waitWithin,
} from '@millrace/runtime';
import {
  createPublisher,
  ensureEventStreams,
  type NatsConnection,
  openRedis,
  readNewestMessages,
  redisKnownEvents,
  watchNatsLimits,
  watchStreamRoom,
} from '@millrace/stores';
import { readEnvelope } from '@millrace/wire';
import { knownInMemory, knownLayered, loadKnownEvents } from '../dedup/known-events.ts';
import { createAcceptMetrics } from '../metrics.ts';
import { type Accept, createAccept } from './accept.ts';
import { NEEDED_PAYLOAD_BYTES } from './pack.ts';

/** How long a message may wait for its acknowledgement: a request must be answered within 10 s in all. */
const PUBLISH_DEADLINE_MS = 6_000;
/** Without an answer for this long a message is sent again, under the same id. */
const PUBLISH_ATTEMPT_MS = 1_500;
/** Messages, of up to 4 MiB, that may wait for their acknowledgement. */
const MAX_PENDING_MESSAGES = 256;
/** How far back known events are loaded from the stream at start, in bytes of messages. */
const LOAD_BYTES = 128 * 1024 * 1024;
const DAY_SECONDS = 86_400;

/** Settings of the accept role. */
export interface AcceptConfig extends Partial<RedisSettings> {
  readonly STREAM_SHARDS: number;
  readonly NATS_REPLICAS: number;
  readonly STREAM_MAX_BYTES: number;
  readonly DEDUP_WINDOW_DAYS: number;
  /** Event ids that a process keeps in memory, beside Redis. */
  readonly DEDUP_ACCEPT_KEYS: number;
}

/** The accept role of a process. */
export interface AcceptRole extends Accept {
  /** For a gRPC server. */
  readonly binding: GrpcServiceBinding;
  close(): Promise<void>;
}

/** Makes sure that the streams are there, and accepts events from then on. */
export async function createAcceptRole(options: {
  connection: NatsConnection;
  config: AcceptConfig;
  registry: MetricsRegistry;
  clock: Clock;
  tracing: Tracing;
  log: Logger;
}): Promise<AcceptRole> {
  const { connection, config, clock, log } = options;
  const limits = watchNatsLimits({ connection, neededBytes: NEEDED_PAYLOAD_BYTES, log });
  const manager = await waitWithin(connection.startup, 'JetStream', () => connection.jetstreamManager());
  const kept = { replicas: config.NATS_REPLICAS, maxBytes: config.STREAM_MAX_BYTES };
  await waitWithin(connection.startup, 'the stream EVENTS', () => ensureEventStreams(manager, kept));
  const publisher = createPublisher({
    connection,
    log,
    deadlineMs: PUBLISH_DEADLINE_MS,
    attemptMs: PUBLISH_ATTEMPT_MS,
    maxPending: MAX_PENDING_MESSAGES,
    monotonic: clock.monotonic,
  });
  const room = watchStreamRoom({ manager, log });
  const ttlSeconds = config.DEDUP_WINDOW_DAYS * DAY_SECONDS;
  const near = knownInMemory({ maxKeys: config.DEDUP_ACCEPT_KEYS });
  const redis = openRedis(config, log);
  const known = redis ? knownLayered(near, redisKnownEvents({ redis, ttlSeconds, log })) : near;
  const accept = createAccept({
    publisher,
    limits,
    known,
    room,
    shardCount: config.STREAM_SHARDS,
    newMessageId: uuidv7,
    clock,
    metrics: createAcceptMetrics(options.registry, { waiting: () => publisher.waiting, room }),
    tracing: options.tracing,
    log,
  });
  const closing = new AbortController();
  const maxBytes = LOAD_BYTES;
  const loading = loadKnownEvents({
    readNewest: (onChunk) =>
      readNewestMessages({ connection, manager, maxBytes, onChunk, signal: closing.signal }),
    known: near,
    maxKeys: config.DEDUP_ACCEPT_KEYS,
    log,
  });
  return {
    accept: accept.accept,
    binding: ingestService(accept),
    async close() {
      closing.abort();
      await loading;
      room.close();
      publisher.close();
      redis?.disconnect();
    },
  };
}

const MAX_ITEMS = 1_000;

/** `millrace.ingest.v1.IngestService` over an Accept; the events' bytes are sliced, not decoded. */
function ingestService(accept: Accept): GrpcServiceBinding {
  return bindService(
    IngestService,
    {
      async accept(request, { traceparent }) {
        const { items, traceparents } = readEnvelope(request);
        if (items.length === 0 || items.length > MAX_ITEMS) {
          throw fieldError('items', `1 to ${MAX_ITEMS} are taken, got ${items.length}`);
        }
        const parents = traceparent === undefined ? traceparents : [traceparent, ...traceparents.slice(1)];
        return accept.accept(items, parents);
      },
    },
    ['accept'],
  );
}
