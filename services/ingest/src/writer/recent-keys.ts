/** Dedup keys met recently, in a fixed amount of memory. */
export interface RecentKeys {
  has(key: string): boolean;
  add(key: string, nowMs: number): void;
  /** Fills an empty set with keys of 16 bytes each, newest first; `complete` when there were no more of the window. */
  load(keys: Buffer, complete: boolean, nowMs: number): void;
  /** Whether every key that was added since then is still here. */
  covers(sinceMs: number): boolean;
  clear(): void;
}

const KEY_BYTES = 16;
const WORDS = 4;

/**
 * A set of two generations, each an open-addressing table of half the capacity. When the younger is full the older is
 * dropped whole: no key is ever moved or deleted alone, and memory is bounded by construction.
 * Takes 32 bytes for each key of the capacity, rounded up to a power of two.
 */
export function createRecentKeys(options: { capacity: number }): RecentKeys {
  const limit = Math.max(1, Math.floor(options.capacity / 2));
  let young = createGeneration(limit);
  let old = createGeneration(limit);
  // What isn't loaded yet may be anything: nothing is covered.
  let incompleteUntilMs = Number.POSITIVE_INFINITY;
  const words = new Uint32Array(WORDS);

  const read = (key: string): void => {
    for (let word = 0; word < WORDS; word++) {
      const at = word * 4;
      words[word] =
        (key.charCodeAt(at) << 24) |
        (key.charCodeAt(at + 1) << 16) |
        (key.charCodeAt(at + 2) << 8) |
        key.charCodeAt(at + 3);
    }
  };
  const insert = (nowMs: number): void => {
    if (young.size >= limit) {
      // The keys that go were all added before now.
      if (old.size > 0) incompleteUntilMs = Math.max(incompleteUntilMs, old.newestMs);
      [old, young] = [young, old];
      young.clear();
    }
    young.add(words, nowMs);
  };
  const known = (): boolean => young.has(words) || old.has(words);

  return {
    has(key) {
      read(key);
      return known();
    },
    add(key, nowMs) {
      read(key);
      if (!known()) insert(nowMs);
    },
    load(keys, complete, nowMs) {
      // From the oldest on, so that the newest are the last to be dropped.
      for (let at = keys.length - KEY_BYTES; at >= 0; at -= KEY_BYTES) {
        for (let word = 0; word < WORDS; word++) words[word] = keys.readUInt32BE(at + word * 4);
        if (!known()) insert(nowMs);
      }
      incompleteUntilMs = complete ? Number.NEGATIVE_INFINITY : nowMs;
    },
    covers: (sinceMs) => incompleteUntilMs < sinceMs,
    clear() {
      young.clear();
      old.clear();
      incompleteUntilMs = Number.POSITIVE_INFINITY;
    },
  };
}

interface Generation {
  readonly size: number;
  readonly newestMs: number;
  has(words: Uint32Array): boolean;
  add(words: Uint32Array, nowMs: number): void;
  clear(): void;
}

function createGeneration(limit: number): Generation {
  const slots = 2 ** Math.ceil(Math.log2(limit * 2));
  const mask = slots - 1;
  const table = new Uint32Array(slots * WORDS);
  let size = 0;
  let newestMs = Number.NEGATIVE_INFINITY;

  /** The key's slot, or the empty one where it would go. Keys are hashes: their first word spreads them. */
  const find = (words: Uint32Array): number => {
    for (let slot = (words[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (isEmpty(at) || isSame(at, words)) return at;
    }
  };
  // A key of zeros is no hash of anything and would look like an empty slot; it is just never remembered.
  const isEmpty = (at: number): boolean =>
    table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0;
  const isSame = (at: number, words: Uint32Array): boolean =>
    table[at] === words[0] &&
    table[at + 1] === words[1] &&
    table[at + 2] === words[2] &&
    table[at + 3] === words[3];

  return {
    get size() {
      return size;
    },
    get newestMs() {
      return newestMs;
    },
    has: (words) => !isEmpty(find(words)),
    add(words, nowMs) {
      const at = find(words);
      if (isEmpty(at)) size++;
      table.set(words, at);
      newestMs = nowMs;
    },
    clear() {
      table.fill(0);
      size = 0;
      newestMs = Number.NEGATIVE_INFINITY;
    },
  };
}
