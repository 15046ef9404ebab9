import { isFurther, type Position } from './position.ts';

/** Keys of each of two generations; at most both are remembered. */
const GENERATION = 20_000;

/**
 * Where the newest dedup keys were seen first, for readers of the stream beside the writer. Ingest lets few copies through, and the
 * writer drops them; this keeps those out that come close behind one another. One that comes later is met again, under the same event id.
 */
export interface RecentKeys {
  /** Whether an event with this key stands before this position. */
  isCopy(key: string, position: Position): boolean;
}

/** Makes an empty one. */
export function createRecentKeys(generation = GENERATION): RecentKeys {
  let young = new Map<string, Position>();
  let old = new Map<string, Position>();
  return {
    isCopy(key, position) {
      const seen = young.get(key) ?? old.get(key);
      if (seen !== undefined && isFurther(position, seen)) return true;
      // One that resumes reads what is older than what was seen.
      if (seen !== undefined && !isFurther(seen, position)) return false;
      if (young.size >= generation) {
        old = young;
        young = new Map();
      }
      young.set(key, position);
      return false;
    },
  };
}
