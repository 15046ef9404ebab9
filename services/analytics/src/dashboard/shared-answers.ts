import type { ByteCache } from '@millrace/stores';

/** An answer, and whether somebody else's question had brought it. */
export interface SharedAnswer {
  readonly bytes: Uint8Array;
  readonly fromCache: boolean;
}

/** Answers that several may share. */
export interface SharedAnswers {
  /**
   * The answer kept under a key, or what `find` brings, which is kept then. Who asks while it is being found waits for the
   * same one. `find`'s signal aborts when nobody waits any more. Throws what `find` throws, and the abort reason of `signal`.
   */
  read(
    key: string,
    find: (signal: AbortSignal) => Promise<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SharedAnswer>;
}

interface Search {
  readonly found: Promise<SharedAnswer>;
  readonly giveUp: AbortController;
  waiting: number;
}

/** Shares answers through a cache; those that are being found through this process. */
export function createSharedAnswers(cache: ByteCache): SharedAnswers {
  const searches = new Map<string, Search>();

  const begin = (key: string, find: (signal: AbortSignal) => Promise<Uint8Array>): Search => {
    const giveUp = new AbortController();
    const search = async (): Promise<SharedAnswer> => {
      const kept = await cache.get(key);
      if (kept !== undefined) return { bytes: kept, fromCache: true };
      const bytes = await find(giveUp.signal);
      await cache.set(key, bytes);
      return { bytes, fromCache: false };
    };
    const found = search().finally(() => {
      if (searches.get(key)?.giveUp === giveUp) searches.delete(key);
    });
    return { found, giveUp, waiting: 0 };
  };

  return {
    async read(key, find, signal) {
      signal.throwIfAborted();
      const search = searches.get(key) ?? begin(key, find);
      searches.set(key, search);
      search.waiting++;
      const isFirst = search.waiting === 1;
      try {
        const answer = await untilAborted(search.found, signal);
        return isFirst ? answer : { ...answer, fromCache: true };
      } finally {
        search.waiting--;
        if (search.waiting === 0) {
          // The next one must not wait for what was given up.
          if (searches.get(key) === search) searches.delete(key);
          search.giveUp.abort();
        }
      }
    },
  };
}

async function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([result, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
