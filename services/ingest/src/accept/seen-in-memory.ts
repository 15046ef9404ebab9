import type { NearSeenEvents, SeenEvent } from './ports.ts';

/**
 * Remembers the newest keys of this process: at least half of `maxKeys`, and never more. Two generations of a map, of
 * which the older is dropped when the younger is full: a least-recently-used list costs several times as much a key.
 */
export function seenInMemory(options: { maxKeys: number }): NearSeenEvents {
  const generationKeys = Math.max(1, Math.floor(options.maxKeys / 2));
  let younger = new Map<string, SeenEvent>();
  let older = new Map<string, SeenEvent>();
  return {
    lookUp: (keys) => keys.map((key) => younger.get(key) ?? older.get(key)),
    mark(entries) {
      for (const [key, event] of entries) {
        if (younger.size >= generationKeys) {
          older = younger;
          younger = new Map();
        }
        younger.set(key, event);
      }
    },
  };
}
