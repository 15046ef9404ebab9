import type { KnownEvent, KnownEvents } from '@millrace/stores';

/** Known events in this process's memory: no answer has to be waited for. */
export interface NearKnownEvents extends KnownEvents {
  lookUp(keys: readonly string[]): (KnownEvent | undefined)[];
  mark(entries: readonly (readonly [key: string, event: KnownEvent])[]): void;
}

/** Looks into `near` first, and into `far` only for what isn't there; marks both. */
export function knownLayered(near: NearKnownEvents, far: KnownEvents): KnownEvents {
  return {
    lookUp(keys) {
      const found = near.lookUp(keys);
      const missing = keys.flatMap((_, i) => (found[i] === undefined ? [i] : []));
      return missing.length === 0 ? found : withFar(far, keys, found, missing);
    },
    mark(entries) {
      near.mark(entries);
      return far.mark(entries);
    },
  };
}

async function withFar(
  far: KnownEvents,
  keys: readonly string[],
  found: (KnownEvent | undefined)[],
  missing: readonly number[],
): Promise<(KnownEvent | undefined)[]> {
  const answers = await far.lookUp(missing.map((i) => keys[i] ?? ''));
  missing.forEach((i, place) => {
    found[i] = answers[place];
  });
  return found;
}

/**
 * Keeps the newest keys of this process: at least half of `maxKeys`, and never more. Two generations of a map, of which
 * the older is dropped when the younger is full: a least-recently-used list costs several times as much a key.
 */
export function knownInMemory(options: { maxKeys: number }): NearKnownEvents {
  const generationKeys = Math.max(1, Math.floor(options.maxKeys / 2));
  let younger = new Map<string, KnownEvent>();
  let older = new Map<string, KnownEvent>();
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
