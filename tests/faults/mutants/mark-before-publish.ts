import type { KnownEvent } from '@millrace/stores';
import { createAccept as createReal } from '../../../services/ingest/src/accept/accept.ts';

export * from '../../../services/ingest/src/accept/accept.ts';

/** Planted bug: a key is marked as known when it is looked up, before its event is on disk. */
export const createAccept: typeof createReal = (deps) => {
  const asked = new Map<string, KnownEvent>();
  const real = createReal({
    ...deps,
    known: {
      mark: (entries) => deps.known.mark(entries),
      async lookUp(keys) {
        const found = await deps.known.lookUp(keys);
        const early = keys.flatMap((key, place): [string, KnownEvent][] => {
          const event = asked.get(key);
          return found[place] === undefined && event !== undefined ? [[key, event]] : [];
        });
        await deps.known.mark(early);
        return found;
      },
    },
  });
  return {
    accept(items, traceparents) {
      for (const { dedupKey, bodyHash, eventId } of items) asked.set(dedupKey, { bodyHash, eventId });
      return real.accept(items, traceparents);
    },
  };
};
