import { counterFrom, histogramFrom, type MetricsRegistry } from '@millrace/runtime';
import type { Publisher, StreamRoom } from '@millrace/stores';
import { Gauge } from 'prom-client';

/** From 1 ms to a minute, where an insert's deadline lies. */
const INSERT_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const BATCH_BUCKETS_ROWS = [1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000];

/** From 1 ms to the deadline of a message. */
const PUBLISH_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What accept tells of its work. */
export interface AcceptMetrics {
  /** Called once for each message, stored or not. */
  published(seconds: number): void;
}

/** Declares accept's metrics; what waits and what room there is are looked at when metrics are read. */
export function createAcceptMetrics(
  registry: MetricsRegistry,
  state: { waiting: () => Publisher['waiting']; room: Pick<StreamRoom, 'usedBytes' | 'maxBytes'> },
): AcceptMetrics {
  const duration = histogramFrom({
    registry,
    name: 'millrace_accept_publish_duration_seconds',
    help: 'From sending a message to the stream to its acknowledgement, or to giving it up.',
    labelNames: [],
    buckets: PUBLISH_BUCKETS_SECONDS,
  });
  const gauge = (name: string, help: string, look: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(look());
      },
    });
  gauge(
    'millrace_accept_waiting_messages',
    'Messages that wait for the acknowledgement of the stream.',
    () => state.waiting().messages,
  );
  gauge('millrace_accept_waiting_bytes', 'Bytes of the messages that wait.', () => state.waiting().bytes);
  gauge('millrace_stream_used_bytes', 'Bytes that the stream EVENTS holds.', () => state.room.usedBytes);
  gauge(
    'millrace_stream_max_bytes',
    'Room of the stream EVENTS, in bytes; at 80 % nothing more is accepted. 0 when it has no limit.',
    () => state.room.maxBytes,
  );
  const series = duration.series([]);
  return { published: (seconds) => series.observe(seconds) };
}

/** Declares the writer's metrics. */
export function createWriterMetrics(registry: MetricsRegistry): WriterMetrics {
  const stored = counterFrom({
    registry,
    name: 'millrace_events_stored_total',
    help: 'Events stored in ClickHouse.',
    labelNames: [],
  });
  const duplicates = counterFrom({
    registry,
    name: 'millrace_writer_copies_dropped_total',
    help: 'Duplicates that the writer dropped: their dedup key has a row already.',
    labelNames: [],
  });
  const dead = counterFrom({
    registry,
    name: 'millrace_dead_letters_total',
    help: 'Events or messages that can not be stored and were parked.',
    labelNames: ['reason'],
  });
  const rows = histogramFrom({
    registry,
    name: 'millrace_writer_batch_rows',
    help: 'Rows of each insert.',
    labelNames: [],
    buckets: BATCH_BUCKETS_ROWS,
  });
  const duration = histogramFrom({
    registry,
    name: 'millrace_writer_insert_duration_seconds',
    help: 'From the start of an insert to its answer.',
    labelNames: [],
    buckets: INSERT_BUCKETS_SECONDS,
  });
  const stopped = new Gauge({
    name: 'millrace_writer_stopped',
    help: 'Whether writing a shard has stopped because ClickHouse refuses most of its rows: 1 until it takes them.',
    labelNames: ['shard'],
    registers: [registry],
  });
  const shards = new Map<number, () => { lagEvents: number; oldestSeconds: number }>();
  new Gauge({
    name: 'millrace_stream_lag_events',
    help: 'Events of a shard that the stream has and ClickHouse has not; estimated from the messages that wait.',
    labelNames: ['shard'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [shard, look] of shards) this.set({ shard: String(shard) }, look().lagEvents);
    },
  });
  new Gauge({
    name: 'millrace_stream_oldest_unstored_seconds',
    help: 'Age of the oldest event that is accepted and not stored; 0 when there is none.',
    registers: [registry],
    collect() {
      this.set(Math.max(0, ...[...shards.values()].map((look) => look().oldestSeconds)));
    },
  });
  return {
    inserted: (count, seconds) => {
      stored.add([], count);
      rows.series([]).observe(count);
      duration.series([]).observe(seconds);
    },
    duplicatesDropped: (count) => duplicates.add([], count),
    parked: (reason) => dead.add([reason]),
    stopped: (shard, is) => stopped.set({ shard: String(shard) }, is ? 1 : 0),
    follow(shard, look) {
      shards.set(shard, look);
      return () => {
        shards.delete(shard);
        stopped.remove({ shard: String(shard) });
      };
    },
  };
}

/** What a writer tells of its work. */
export interface WriterMetrics {
  /** Called once for each batch that is known to be stored. */
  inserted(rows: number, seconds: number): void;
  duplicatesDropped(count: number): void;
  parked(reason: string): void;
  /** Whether a shard waits for an operator because most of its rows are refused. */
  stopped(shard: number, is: boolean): void;
  /** Declares a shard whose state is read when metrics are; call the result when it is another's. */
  follow(shard: number, look: () => { lagEvents: number; oldestSeconds: number }): () => void;
}
