import type { Clock } from '@millrace/runtime';
import type { EventTable, RedisClaims } from '@millrace/stores';
import type { Row } from '@millrace/wire';
import type { KnownKeys } from './known-keys.ts';
import { createKeySet } from './known-keys.ts';

const KEY_BYTES = 16;

/** Keeps out the events whose dedup key has a row already. */
export interface Duplicates {
  /** The rows that aren't copies, in order. Throws when the stores that must be asked don't answer. */
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
  recent: KnownKeys;
  table: Pick<EventTable, 'existingKeys' | 'recentKeys'>;
  claims: RedisClaims | undefined;
  shard: { count: number; index: number; number: number };
  windowMs: number;
  /** At most so many keys are read at start. */
  loadLimit: number;
  clock: Clock;
}): Duplicates {
  const { recent, table, claims, shard, clock } = options;
  const windowStart = () => clock.now() - options.windowMs;

  /** The keys, of those that memory doesn't know, that are stored elsewhere in the stream. */
  const elsewhere = async (rows: readonly Row[]): Promise<ReadonlySet<string>> => {
    if (rows.length === 0 || (!claims && recent.covers(windowStart()))) return new Set();
    const keys = rows.map(keyOf);
    const positions = rows.map((row) => `${shard.number}:${row.seq}:${row.index}`);
    const claimed = await claims?.claim(keys, positions);
    if (claimed?.kind !== 'claimed') {
      return recent.covers(windowStart()) ? new Set() : table.existingKeys(keys, windowStart());
    }
    const taken = keys.filter((_, i) => claimed.holders[i] !== positions[i]);
    if (claimed.coversWindow || recent.covers(windowStart())) return new Set(taken);
    const mine = keys.filter((_, i) => claimed.holders[i] === positions[i]);
    const existing = await table.existingKeys(mine, windowStart());
    for (const key of taken) existing.add(key);
    return existing;
  };

  return {
    async without(rows) {
      const met = createKeySet(rows.length);
      const kept: Row[] = [];
      const unknown: Row[] = [];
      for (const row of rows) {
        if (row.keyAt >= 0) {
          if (!met.add(row.data, row.keyAt) || recent.has(row.data, row.keyAt)) continue;
          unknown.push(row);
        }
        kept.push(row);
      }
      const copies = await elsewhere(unknown);
      return copies.size === 0 ? kept : kept.filter((row) => row.keyAt < 0 || !copies.has(keyOf(row)));
    },
    stored(rows) {
      const nowMs = clock.now();
      for (const { data, keyAt } of rows) if (keyAt >= 0) recent.add(data, keyAt, nowMs);
    },
    async reload() {
      recent.clear();
      const keys = await table.recentKeys({
        shardCount: shard.count,
        shardIndex: shard.index,
        sinceMs: windowStart(),
        limit: options.loadLimit,
      });
      recent.load(keys, keys.length / KEY_BYTES < options.loadLimit, clock.now());
    },
  };
}

function keyOf(row: Row): string {
  return row.data.toString('latin1', row.keyAt, row.keyAt + KEY_BYTES);
}
