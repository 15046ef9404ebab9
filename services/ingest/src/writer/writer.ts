import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Logger, Tracing } from '@millrace/runtime';
import { type EventLog, type Publisher, type Shard, shardNumber } from '@millrace/stores';
import type { BatchLimits } from './collect.ts';
import { createCopies } from './copies.ts';
import { createBatchInserter } from './insert-batch.ts';
import { createParking } from './parking.ts';
import type { EventTable, Failpoint, KeyClaims } from './ports.ts';
import { createRecentKeys } from './recent-keys.ts';
import { type ShardWriterDeps, writeShard } from './shard-writer.ts';
import type { WriterMetrics } from './writer-metrics.ts';

/** Moves events from the stream into ClickHouse, each once. */
export interface Writer {
  /** Begins; returns at once. */
  start(): void;
  /** Stores the batches under way, gives the leases back, and resolves when nothing runs any more. */
  close(): Promise<void>;
}

/** What `createWriter` works with. */
export interface WriterDeps {
  readonly eventLog: EventLog;
  readonly table: EventTable;
  /** Dedup keys shared by all processes, when there is a Redis. */
  readonly claims?: KeyClaims | undefined;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly shardCount: number;
  readonly limits: BatchLimits;
  readonly dedupWindowMs: number;
  /** Dedup keys to keep in memory for each shard; 32 bytes each. */
  readonly dedupMemoryKeys: number;
  /** Names this process among all others: letters, digits, `-`. */
  readonly owner: string;
  readonly failpoint?: Failpoint | undefined;
  readonly metrics: WriterMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Logger;
}

const UPKEEP_MS = 60_000;
const FAILURE_PAUSE_MS = 2_000;

/** Makes a writer that competes with others for the shards and writes those whose lease it gets. */
export function createWriter(deps: WriterDeps): Writer {
  const { clock, log } = deps;
  const closing = new AbortController();
  const shards = new Map<number, { shard: Shard; running: Promise<void>; owned: boolean }>();
  let upkeep: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const follow = (shard: Shard): void => {
    const number = shardNumber(shard);
    if (shards.has(number) || closing.signal.aborted) return;
    const entry = { shard, running: Promise.resolve(), owned: false };
    shards.set(number, entry);
    entry.running = ownAndWrite(deps, shard, closing.signal, (owned) => {
      entry.owned = owned;
    });
  };

  /** Looks for shards of older layouts, and trims those that are written here. */
  const keepUp = async (): Promise<void> => {
    try {
      for (const shard of await deps.eventLog.shards()) follow(shard);
      for (const { shard, owned } of shards.values()) if (owned) await deps.eventLog.trim(shard);
    } catch (error) {
      log.warn({ err: error }, 'upkeep of the stream failed, trying again in a minute');
    }
  };

  return {
    start() {
      for (let index = 0; index < deps.shardCount; index++) follow({ count: deps.shardCount, index });
      const run = () => {
        upkeep ??= keepUp().finally(() => {
          upkeep = undefined;
        });
      };
      timer = setInterval(run, UPKEEP_MS);
      timer.unref();
      run();
      log.info({ shards: deps.shardCount, at: clock.now() }, 'writer started');
    },
    async close() {
      clearInterval(timer);
      closing.abort();
      await upkeep;
      await Promise.all([...shards.values()].map(({ running }) => running));
    },
  };
}

/** Waits for a shard's lease, writes until it is lost, and starts over, until `closing` aborts. */
async function ownAndWrite(
  deps: WriterDeps,
  shard: Shard,
  closing: AbortSignal,
  onOwned: (owned: boolean) => void,
): Promise<void> {
  const number = shardNumber(shard);
  const { log } = deps;
  const shardDeps = shardWriterDeps(deps, shard);
  while (!closing.aborted) {
    let lease: Awaited<ReturnType<EventLog['leases']['acquire']>> | undefined;
    try {
      lease = await deps.eventLog.leases.acquire(`writer.${number}`, closing);
      onOwned(true);
      await writeShard(shardDeps, lease, closing);
    } catch (error) {
      if (!closing.aborted) log.error({ shard: number, err: error }, 'writing a shard failed, starting over');
    } finally {
      onOwned(false);
      await lease?.release();
    }
    if (!closing.aborted) await delay(FAILURE_PAUSE_MS, undefined, { signal: closing }).catch(ignoreAbort);
  }
}

function shardWriterDeps(deps: WriterDeps, shard: Shard): ShardWriterDeps {
  const { eventLog, table, clock, log, metrics } = deps;
  const number = shardNumber(shard);
  const queryIdPrefix = `millrace-writer-${number}-`;
  const failpoint = deps.failpoint ?? (() => undefined);
  return {
    shard: number,
    table,
    insert: createBatchInserter({
      table,
      shard: number,
      queryIdPrefix,
      owner: deps.owner,
      failpoint,
      clock,
      log,
    }),
    copies: createCopies({
      recent: createRecentKeys({ capacity: deps.dedupMemoryKeys }),
      table,
      claims: deps.claims,
      shard: { ...shard, number },
      windowMs: deps.dedupWindowMs,
      loadLimit: Math.max(1, Math.floor(deps.dedupMemoryKeys / 2)),
      clock,
    }),
    park: createParking({
      publisher: deps.publisher,
      table,
      shard: number,
      clock,
      log,
      onParked: (reason) => metrics.parked(reason),
    }),
    positions: eventLog.positions,
    openReader: (afterSeq) => eventLog.openReader(shard, afterSeq),
    lastSeq: () => eventLog.lastSeq(),
    queryIdPrefix,
    limits: deps.limits,
    failpoint,
    metrics,
    tracing: deps.tracing,
    clock,
    log,
  };
}

function ignoreAbort(error: unknown): void {
  // A pause that is cut short is how the writer is closed.
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
