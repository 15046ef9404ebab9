import type { Logger } from '@millrace/runtime';
import type { KnownEvent, KnownEvents, StreamMessage } from '@millrace/stores';
import { readEnvelope } from '@millrace/wire';

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

/**
 * Fills an empty memory from the stream, so that a duplicate of what was accepted before a restart is answered as one.
 * Runs beside the traffic and may fail: the writer drops what slips through. Fills half of the memory: what is marked last stays
 * longest, and here that is the oldest, which with the other half would push out the newest.
 */
export async function loadKnownEvents(options: {
  /** Gives the stream's newest messages, newest chunk first, until `onChunk` answers false. */
  readNewest: (onChunk: (messages: readonly StreamMessage[]) => boolean) => Promise<void>;
  known: NearKnownEvents;
  maxKeys: number;
  log: Logger;
}): Promise<void> {
  const { known, maxKeys, log } = options;
  let keys = 0;
  try {
    await options.readNewest((messages) => {
      for (const { data } of messages.toReversed()) keys += markMessage(data, known);
      return keys < maxKeys / 2;
    });
    log.info({ keys }, 'event ids loaded from the stream');
  } catch (error) {
    log.warn({ err: error, keys }, 'event ids could not be loaded from the stream');
  }
}

/** Newest first, so that of two events with one key the older, which is the row, is marked last. */
function markMessage(data: Buffer, known: NearKnownEvents): number {
  const entries: [string, KnownEvent][] = [];
  for (const { dedupKey, bodyHash, eventId } of readEnvelope(data).items) {
    if (dedupKey !== '') entries.push([dedupKey, { bodyHash, eventId }]);
  }
  known.mark(entries.toReversed());
  return entries.length;
}
