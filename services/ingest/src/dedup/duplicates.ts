import type { Clock } from '@millrace/runtime';
import type { EventTable, SharedKnownKeys } from '@millrace/stores';
import type { Row } from '@millrace/wire';
import { createKeySet, type KnownKeys } from './known-keys.ts';

const KEY_BYTES = 16;

/** Keeps out the events whose dedup key has a row already. */
export interface Duplicates {
  /** The rows that aren't duplicates, in order. Throws when the stores that must be asked don't answer. */
  without(rows: readonly Row[]): Promise<Row[]>;
  /** Told once the rows are known to be stored, never before: an insert that fails leaves no trace here. */
  stored(rows: readonly Row[]): void;
  /** Forgets everything and reads the newest keys anew: after another process may have inserted. */
  reload(): Promise<void>;
}

/**
 * Asks memory first. While memory covers the whole window, that is all; else the rest is asked of Redis where there
 * is one, and of ClickHouse, which knows for certain, when Redis is away or may have lost keys of the window.
 */
export function createDuplicates(options: {
  known: KnownKeys;
  table: Pick<EventTable, 'knownKeys' | 'newestKeys'>;
  shared: SharedKnownKeys | undefined;
  shard: { count: number; index: number; number: number };
  windowMs: number;
  /** At most so many keys are read at start. */
  loadLimit: number;
  clock: Clock;
}): Duplicates {
  const { known, table, shared, shard, clock } = options;
  const windowStart = () => clock.now() - options.windowMs;

  /** The keys, of those that memory doesn't know, that are stored elsewhere in the stream. */
  const elsewhere = async (rows: readonly Row[]): Promise<ReadonlySet<string>> => {
    if (rows.length === 0 || (!shared && known.covers(windowStart()))) return new Set();
    const keys = rows.map(keyOf);
    const positions = rows.map((row) => `${shard.number}:${row.seq}:${row.index}`);
    const held = await shared?.hold(keys, positions);
    if (held?.kind !== 'held') {
      return known.covers(windowStart()) ? new Set() : table.knownKeys(keys, windowStart());
    }
    const taken = keys.filter((_, i) => held.holders[i] !== positions[i]);
    if (held.coversWindow || known.covers(windowStart())) return new Set(taken);
    const mine = keys.filter((_, i) => held.holders[i] === positions[i]);
    const stored = await table.knownKeys(mine, windowStart());
    for (const key of taken) stored.add(key);
    return stored;
  };

  return {
    async without(rows) {
      const met = createKeySet(rows.length);
      const kept: Row[] = [];
      const unknown: Row[] = [];
      for (const row of rows) {
        if (row.keyAt >= 0) {
          if (!met.add(row.data, row.keyAt) || known.has(row.data, row.keyAt)) continue;
          unknown.push(row);
        }
        kept.push(row);
      }
      const duplicates = await elsewhere(unknown);
      return duplicates.size === 0
        ? kept
        : kept.filter((row) => row.keyAt < 0 || !duplicates.has(keyOf(row)));
    },
    stored(rows) {
      const nowMs = clock.now();
      for (const { data, keyAt } of rows) if (keyAt >= 0) known.add(data, keyAt, nowMs);
    },
    async reload() {
      known.clear();
      const keys = await table.newestKeys({
        shardCount: shard.count,
        shardIndex: shard.index,
        sinceMs: windowStart(),
        limit: options.loadLimit,
      });
      known.load(keys, keys.length / KEY_BYTES < options.loadLimit, clock.now());
    },
  };
}

function keyOf(row: Row): string {
  return row.data.toString('latin1', row.keyAt, row.keyAt + KEY_BYTES);
}
