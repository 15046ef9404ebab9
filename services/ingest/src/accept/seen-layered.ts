import type { NearSeenEvents, SeenEvent, SeenEvents } from './ports.ts';

/** Looks into `near` first, and into `far` only for what isn't there; marks both. */
export function seenLayered(near: NearSeenEvents, far: SeenEvents): SeenEvents {
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
  far: SeenEvents,
  keys: readonly string[],
  found: (SeenEvent | undefined)[],
  missing: readonly number[],
): Promise<(SeenEvent | undefined)[]> {
  const answers = await far.lookUp(missing.map((i) => keys[i] ?? ''));
  missing.forEach((i, place) => {
    found[i] = answers[place];
  });
  return found;
}
