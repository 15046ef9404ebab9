const KEY_BYTES = 16;
const WORDS = 4;

/** A set of 16-byte keys that are hashes, in one block of memory of a fixed size. */
interface KeySet {
  readonly size: number;
  /** The key's bytes begin at `at`. */
  has(bytes: Buffer, at: number): boolean;
  /** False when the key was there already. */
  add(bytes: Buffer, at: number): boolean;
  clear(): void;
}

/**
 * An open-addressing table for at most `limit` keys; takes 32 to 64 bytes for each. The caller keeps to the limit.
 * A key of zeros is the hash of nothing and looks like an empty slot: it is never known.
 */
export function createKeySet(limit: number): KeySet {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(1, limit) * 2));
  const mask = slots - 1;
  const table = new Uint32Array(slots * WORDS);
  let size = 0;

  /** The key's place, or the empty one where it would go. Its first word spreads the keys. */
  const find = (a: number, b: number, c: number, d: number): number => {
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) return at;
      if (isEmpty(at)) return at;
    }
  };
  const isEmpty = (at: number): boolean =>
    table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0;

  return {
    get size() {
      return size;
    },
    has(bytes, at) {
      return !isEmpty(find(word(bytes, at), word(bytes, at + 4), word(bytes, at + 8), word(bytes, at + 12)));
    },
    add(bytes, at) {
      if (at + KEY_BYTES > bytes.length) throw new RangeError('a key is 16 bytes');
      const a = word(bytes, at);
      const b = word(bytes, at + 4);
      const c = word(bytes, at + 8);
      const d = word(bytes, at + 12);
      const place = find(a, b, c, d);
      if (!isEmpty(place)) return false;
      table[place] = a;
      table[place + 1] = b;
      table[place + 2] = c;
      table[place + 3] = d;
      size++;
      return true;
    },
    clear() {
      // Memory that was never written to isn't there yet; filling it would bring it in.
      if (size === 0) return;
      table.fill(0);
      size = 0;
    },
  };
}

function word(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/** The newest known dedup keys, in a fixed amount of memory. */
export interface KnownKeys {
  /** The key's 16 bytes begin at `at`. */
  has(bytes: Buffer, at: number): boolean;
  add(bytes: Buffer, at: number, nowMs: number): void;
  /** Fills an empty set with keys of 16 bytes each, newest first; `complete` when the window has no more. */
  load(keys: Buffer, complete: boolean, nowMs: number): void;
  /** Whether every key that was added since then is still here. */
  covers(sinceMs: number): boolean;
  clear(): void;
}

/**
 * A set of two generations, each with half the capacity. When the younger is full the older is dropped whole: no key
 * is ever moved or deleted alone, and memory is bounded by construction.
 */
export function createKnownKeys(options: { capacity: number }): KnownKeys {
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
