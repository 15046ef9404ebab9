/** A shard of the stream `EVENTS`; every copy of an event meets the same one. */
export interface Shard {
  /** How many shards the layout has, 1 to 999. */
  readonly count: number;
  /** From 0. */
  readonly index: number;
}

/** The stream that every accepted event goes through. */
export const EVENTS_STREAM = 'EVENTS';

/** The stream of what could not be stored. */
export const DEAD_LETTERS_STREAM = 'DEAD_LETTERS';

/** The subject of a shard: another number of shards has other subjects, so the old ones drain on their own. */
export function shardSubject(shard: Shard): string {
  return `events.${shard.count}.${shard.index}`;
}

/** The column `_shard`: unique over all layouts. */
export function shardNumber(shard: Shard): number {
  return shard.count * 1000 + shard.index;
}

/** The shard of a dedup key (16 bytes as latin1, already a hash). */
export function shardOfKey(dedupKey: string, count: number): number {
  return count === 1 ? 0 : ((dedupKey.charCodeAt(0) << 8) | dedupKey.charCodeAt(1)) % count;
}

/** The subject of what could not be stored from a shard. */
export function deadLetterSubject(shard: number): string {
  return `dead-letters.${shard}`;
}
