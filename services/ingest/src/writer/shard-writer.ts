import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError, type Tracing } from '@millrace/runtime';
import type { EventTable, LogReader, Positions } from '@millrace/stores';
import { eventOf, type Row } from '@millrace/wire';
import type { Duplicates } from '../dedup/duplicates.ts';
import type { WriterMetrics } from '../metrics.ts';
import { type Batch, type Place, type Poison, partitionOf, placeBehind, placeFrom } from './batch.ts';
import { type BatchLimits, collectBatch, gatheringMs } from './collect.ts';
import {
  type Failpoint,
  type InsertBatch,
  isSystematic,
  type Ownership,
  pause,
  persist,
  type Refusals,
} from './insert-batch.ts';
import { type Park, parkingParts } from './parking.ts';

/** What one shard's writing works with. */
export interface ShardWriterDeps {
  readonly shard: number;
  readonly table: EventTable;
  readonly insert: InsertBatch;
  readonly duplicates: Duplicates;
  readonly park: Park;
  readonly positions: Pick<Positions, 'read' | 'raise'>;
  readonly openReader: (afterSeq: number) => LogReader;
  /** The last sequence the stream has given out. */
  readonly lastSeq: () => Promise<number>;
  /** Begins the id of every insert of this shard, whoever runs it. */
  readonly queryIdPrefix: string;
  readonly limits: BatchLimits;
  readonly failpoint: Failpoint;
  readonly metrics: WriterMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Logger;
}

const READER = 'writer';
/** How long a killed insert may take to end; one that doesn't is kept out by its token. */
const KILL_MS = 5_000;
const LOOK_MS = 100;
const FIRST_STOP_MS = 1_000;
const LONGEST_STOP_MS = 60_000;
/** Pause after finding the shard somewhere else, in milliseconds. */
const OVERTAKEN_PAUSE_MS = 500;

/** Stores a shard's events as long as the lease holds and `closing` isn't aborted. Rejects when the lease is lost. */
export async function writeShard(
  deps: ShardWriterDeps,
  ownership: Ownership,
  closing: AbortSignal,
): Promise<void> {
  const until = AbortSignal.any([closing, ownership.lost]);
  while (!until.aborted) {
    const place = await recover(deps, ownership.lost);
    deps.log.info({ shard: deps.shard, seq: place.seq, stored: place.stored }, 'writing from here');
    const reader = deps.openReader(place.seq);
    try {
      await follow(deps, { reader, place, ownership, until });
    } finally {
      await reader.close();
    }
    if (!until.aborted) await delay(OVERTAKEN_PAUSE_MS, undefined, { signal: ownership.lost });
  }
  ownership.lost.throwIfAborted();
}

/** Ends what a former owner may have left running, then finds the place to go on from. */
async function recover(deps: ShardWriterDeps, signal: AbortSignal): Promise<Place> {
  const { shard, table, clock, log, queryIdPrefix } = deps;
  const ask = <T>(what: string, call: () => Promise<T>) => persist({ what, call, signal, log });
  await ask('killing inserts', () => table.killInserts(queryIdPrefix));
  const giveUpAt = clock.monotonic() + KILL_MS;
  while ((await ask('running inserts', () => table.runningInserts(queryIdPrefix))) > 0) {
    if (clock.monotonic() >= giveUpAt) break;
    await delay(LOOK_MS, undefined, { signal });
  }
  const position = await ask('position', () => table.position(shard));
  const recorded = await ask('recorded position', () => deps.positions.read(shard, READER));
  const place = placeFrom(position, recorded);
  const lastSeq = await ask('stream', deps.lastSeq);
  if (lastSeq < place.seq) {
    throw new MillraceError(
      'failed_precondition',
      `the stream ends at ${lastSeq} but shard ${shard} is stored up to ${place.seq}: restore the stream, or make it anew with first_seq above that`,
    );
  }
  await ask('newest keys', () => deps.duplicates.reload());
  return place;
}

/** Stores batch after batch. Returns when `until` aborts, or when the shard turns out to be somewhere else. */
async function follow(
  deps: ShardWriterDeps,
  options: { reader: LogReader; place: Place; ownership: Ownership; until: AbortSignal },
): Promise<void> {
  const { reader, ownership, until } = options;
  let { place } = options;
  const stop = new AbortController();
  const collect = (lastRows: number) =>
    collectBatch({
      reader,
      limits: deps.limits,
      waitMs: gatheringMs(lastRows, deps.limits),
      until: AbortSignal.any([until, stop.signal]),
      clock: deps.clock,
    });
  let current: Batch | undefined;
  let rowsPerMessage = 1;
  const refusals: Refusals = { run: 0 };
  const unfollow = deps.metrics.follow(deps.shard, () => ({
    lagEvents: (current?.rows.length ?? 0) + Math.round(reader.pending * rowsPerMessage),
    oldestSeconds: current ? (deps.clock.now() - Date.parse(current.messages[0]?.storedAt ?? '')) / 1000 : 0,
  }));
  // The next batch gathers while this one is being stored: unpacking costs as much time as ClickHouse takes.
  let next = collect(0);
  try {
    for (;;) {
      const batch = await next;
      if (batch === undefined) return;
      current = batch;
      rowsPerMessage = batch.rows.length / batch.messages.length;
      next = collect(batch.rows.length);
      const behind = await traced(deps, batch, () =>
        storeBatch(deps, batch, { place, ownership, until, refusals }),
      );
      if (behind === undefined) return;
      place = behind;
      current = undefined;
    }
  } finally {
    stop.abort();
    await next;
    unfollow();
  }
}

async function storeBatch(
  deps: ShardWriterDeps,
  batch: Batch,
  options: { place: Place; ownership: Ownership; until: AbortSignal; refusals: Refusals },
): Promise<Place | undefined> {
  const { shard, metrics, clock, log } = deps;
  const { place, ownership, until, refusals } = options;
  const signal = ownership.lost;
  const park = async (poison: readonly Poison[]) => {
    for (const part of parkingParts(poison)) {
      await persist({ what: 'parking', call: () => deps.park(part), signal, log });
      await deps.failpoint('after-parking');
    }
  };
  await park(batch.poison);
  let rows = await persist({
    what: 'duplicates',
    call: () => deps.duplicates.without(batch.rows),
    signal,
    log,
  });
  if (rows.length < batch.rows.length) metrics.duplicatesDropped(batch.rows.length - rows.length);
  const follows = { stored: place.stored, month: partitionOf(place, batch) };
  const startedAt = clock.monotonic();
  let stopMs = 0;
  while (rows.length > 0) {
    const outcome = await deps.insert(rows, follows, ownership);
    if (outcome.kind === 'stored') {
      refusals.run = 0;
      break;
    }
    if (outcome.kind === 'overtaken') {
      log.error(
        { shard, expected: rows.at(-1)?.seq, position: outcome.position, follows: place.stored },
        'the shard is not where this writer left it, starting over',
      );
      return undefined;
    }
    if (isSystematic(refusals, outcome)) {
      stopMs = Math.min(Math.max(stopMs * 2, FIRST_STOP_MS), LONGEST_STOP_MS);
      const [{ detail } = { detail: '' }] = outcome.refused;
      log.error(
        {
          shard,
          rows: rows.length,
          refused: outcome.refused.length,
          of: outcome.tried,
          detail,
          retryMs: stopMs,
        },
        'ClickHouse refuses most rows: writing stopped, nothing is put aside, trying again until it takes them',
      );
      metrics.stopped(shard, true);
      await pause(stopMs, until);
      if (until.aborted) return undefined;
      continue;
    }
    const refused = new Set<Row>(outcome.refused.map(({ row }) => row));
    await park(
      outcome.refused.map(({ row, detail }) => ({
        seq: row.seq,
        index: row.index,
        reason: 'refused_by_store',
        detail,
        body: eventOf(row),
      })),
    );
    rows = rows.filter((row) => !refused.has(row));
  }
  metrics.stopped(shard, false);
  if (rows.length > 0) metrics.inserted(rows.length, (clock.monotonic() - startedAt) / 1000);
  deps.duplicates.stored(rows);
  const next = placeBehind(place, batch, rows.at(-1)?.seq);
  await record(deps, next);
  return next;
}

/** Records the place: a floor for the position, and how far the stream may be trimmed. Repeated with the next batch. */
async function record(deps: ShardWriterDeps, place: Place): Promise<void> {
  try {
    await deps.positions.raise(deps.shard, READER, place);
  } catch (error) {
    deps.log.warn({ shard: deps.shard, seq: place.seq, err: error }, 'position could not be recorded');
  }
}

/** Runs something under a span of each sampled request whose events are in the batch. */
async function traced<T>(deps: ShardWriterDeps, batch: Batch, work: () => Promise<T>): Promise<T> {
  const spans = deps.tracing.enabled
    ? batch.traceparents.map((parent) =>
        deps.tracing.start('events insert', {
          kind: 'consumer',
          parent,
          attributes: { 'db.system': 'clickhouse', 'millrace.shard': deps.shard },
        }),
      )
    : [];
  try {
    const result = await work();
    for (const span of spans) span?.end();
    return result;
  } catch (error) {
    for (const span of spans) span?.end(error);
    throw error;
  }
}
