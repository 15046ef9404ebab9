import { createKeySet } from './key-set.ts';

/** Dedup keys met recently, in a fixed amount of memory. */
export interface RecentKeys {
  /** The key's 16 bytes begin at `at`. */
  has(bytes: Buffer, at: number): boolean;
  add(bytes: Buffer, at: number, nowMs: number): void;
  /** Fills an empty set with keys of 16 bytes each, newest first; `complete` when the window has no more. */
  load(keys: Buffer, complete: boolean, nowMs: number): void;
  /** Whether every key that was added since then is still here. */
  covers(sinceMs: number): boolean;
  clear(): void;
}

const KEY_BYTES = 16;

/**
 * A set of two generations, each with half the capacity. When the younger is full the older is dropped whole: no key
 * is ever moved or deleted alone, and memory is bounded by construction.
 */
export function createRecentKeys(options: { capacity: number }): RecentKeys {
  const limit = Math.max(1, Math.floor(options.capacity / 2));
  let young = { keys: createKeySet(limit), newestMs: Number.NEGATIVE_INFINITY };
  let old = { keys: createKeySet(limit), newestMs: Number.NEGATIVE_INFINITY };
  // What isn't loaded yet may be anything: nothing is covered.
  let incompleteUntilMs = Number.POSITIVE_INFINITY;

  const add = (bytes: Buffer, at: number, nowMs: number): void => {
    if (old.keys.has(bytes, at)) return;
    if (young.keys.size >= limit) {
      if (young.keys.has(bytes, at)) return;
      if (old.keys.size > 0) incompleteUntilMs = Math.max(incompleteUntilMs, old.newestMs);
      [old, young] = [young, old];
      young.keys.clear();
    }
    young.keys.add(bytes, at);
    young.newestMs = nowMs;
  };

  return {
    has: (bytes, at) => young.keys.has(bytes, at) || old.keys.has(bytes, at),
    add,
    load(keys, complete, nowMs) {
      // From the oldest on, so that the newest are the last to be dropped.
      for (let at = keys.length - KEY_BYTES; at >= 0; at -= KEY_BYTES) add(keys, at, nowMs);
      incompleteUntilMs = complete ? Number.NEGATIVE_INFINITY : nowMs;
    },
    covers: (sinceMs) => incompleteUntilMs < sinceMs,
    clear() {
      young.keys.clear();
      old.keys.clear();
      incompleteUntilMs = Number.POSITIVE_INFINITY;
    },
  };
}
