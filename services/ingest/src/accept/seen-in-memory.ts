import { LRUCache } from 'lru-cache';
import type { NearSeenEvents, SeenEvent } from './ports.ts';

/** Remembers the newest keys of this process, at most `maxKeys`, each for `ttlMs`. */
export function seenInMemory(options: { maxKeys: number; ttlMs: number }): NearSeenEvents {
  const seen = new LRUCache<string, SeenEvent>({
    max: options.maxKeys,
    ttl: options.ttlMs,
    ttlResolution: 1_000,
  });
  return {
    lookUp: (keys) => keys.map((key) => seen.get(key)),
    mark(entries) {
      for (const [key, event] of entries) seen.set(key, event);
    },
  };
}
