import type { Clock, Logger, Tracing } from '@millrace/runtime';
import {
  type EventLog,
  type EventTable,
  type NatsLimits,
  type Publisher,
  type Shard,
  type SharedKnownKeys,
  shardNumber,
} from '@millrace/stores';
import type { PropertyPlan } from '@millrace/wire';
import { createDuplicates } from '../dedup/duplicates.ts';
import { createKnownKeys } from '../dedup/known-keys.ts';
import type { WriterMetrics } from '../metrics.ts';
import type { BatchLimits } from './collect.ts';
import { createBatchInserter, type Failpoint, pause } from './insert-batch.ts';
import { createParking } from './parking.ts';
import { type ShardWriterDeps, writeShard } from './shard-writer.ts';

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
  /** Known dedup keys shared by all processes, when there is a Redis. */
  readonly sharedKeys?: SharedKnownKeys | undefined;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly limits: NatsLimits;
  readonly propertiesOf: (workspaceId: string) => PropertyPlan | undefined;
  readonly shardCount: number;
  readonly batches: BatchLimits;
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
/** How soon a crowded stream is trimmed behind what was stored: accept looks for room as often. */
const MAKE_ROOM_MS = 1_000;
const FAILURE_PAUSE_MS = 2_000;

/** Makes a writer that competes with others for the shards and writes those whose lease it gets. */
export function createWriter(deps: WriterDeps): Writer {
  const { clock, log } = deps;
  const closing = new AbortController();
  const shards = new Map<number, FollowedShard>();
  let upkeep: Promise<void> | undefined;
  let makingRoom: Promise<void> | undefined;
  let timers: NodeJS.Timeout[] = [];

  const follow = (shard: Shard): void => {
    const number = shardNumber(shard);
    if (shards.has(number) || closing.signal.aborted) return;
    const entry: FollowedShard = { shard, running: Promise.resolve(), owned: false, moved: false };
    shards.set(number, entry);
    entry.running = ownAndWrite(deps, entry, closing.signal);
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

  /** A stream that filled while ClickHouse was away refuses events until it is trimmed: that must not wait. */
  const makeRoom = async (): Promise<void> => {
    for (const entry of shards.values()) {
      if (!entry.owned || !entry.moved) continue;
      entry.moved = false;
      try {
        await deps.eventLog.trimCrowded(entry.shard);
      } catch (error) {
        entry.moved = true;
        log.debug({ err: error }, 'no room could be made in the stream, trying again');
      }
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
      const room = () => {
        makingRoom ??= makeRoom().finally(() => {
          makingRoom = undefined;
        });
      };
      timers = [setInterval(run, UPKEEP_MS), setInterval(room, MAKE_ROOM_MS)];
      for (const timer of timers) timer.unref();
      run();
      log.info({ shards: deps.shardCount, at: clock.now() }, 'writer started');
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      closing.abort();
      await upkeep;
      await makingRoom;
      await Promise.all([...shards.values()].map(({ running }) => running));
    },
  };
}

interface FollowedShard {
  readonly shard: Shard;
  running: Promise<void>;
  owned: boolean;
  /** Whether there may be something to trim since it was last looked at. */
  moved: boolean;
}

/** Waits for a shard's lease, writes until it is lost, and starts over, until `closing` aborts. */
async function ownAndWrite(deps: WriterDeps, entry: FollowedShard, closing: AbortSignal): Promise<void> {
  const number = shardNumber(entry.shard);
  const { log } = deps;
  const shardDeps = shardWriterDeps(deps, entry);
  while (!closing.aborted) {
    let lease: Awaited<ReturnType<EventLog['leases']['acquire']>> | undefined;
    try {
      lease = await deps.eventLog.leases.acquire(`writer.${number}`, closing);
      entry.owned = true;
      await writeShard(shardDeps, lease, closing);
    } catch (error) {
      if (!closing.aborted) log.error({ shard: number, err: error }, 'writing a shard failed, starting over');
    } finally {
      entry.owned = false;
      await lease?.release();
    }
    if (!closing.aborted) await pause(FAILURE_PAUSE_MS, closing);
  }
}

function shardWriterDeps(deps: WriterDeps, entry: FollowedShard): ShardWriterDeps {
  const { shard } = entry;
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
      propertiesOf: deps.propertiesOf,
      failpoint,
      clock,
      log,
    }),
    duplicates: createDuplicates({
      known: createKnownKeys({ capacity: deps.dedupMemoryKeys }),
      table,
      shared: deps.sharedKeys,
      shard: { ...shard, number },
      windowMs: deps.dedupWindowMs,
      loadLimit: Math.max(1, Math.floor(deps.dedupMemoryKeys / 2)),
      clock,
    }),
    park: createParking({
      publisher: deps.publisher,
      table,
      limits: deps.limits,
      shard: number,
      clock,
      log,
      onParked: (reason) => metrics.parked(reason),
    }),
    positions: {
      read: eventLog.positions.read,
      async raise(...position) {
        await eventLog.positions.raise(...position);
        entry.moved = true;
      },
    },
    openReader: (afterSeq) => eventLog.openReader(shard, afterSeq),
    lastSeq: () => eventLog.lastSeq(),
    queryIdPrefix,
    limits: deps.batches,
    failpoint,
    metrics,
    tracing: deps.tracing,
    clock,
    log,
  };
}
