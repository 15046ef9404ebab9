import { type Clock, MillraceError } from '@millrace/runtime';
import { CODE_LIFETIME_MS, type Codes, MOST_REQUESTS, MOST_TRIES, REQUEST_WINDOW_MS } from './codes.ts';

interface Entry {
  /** Of the last requests, oldest first. */
  readonly requestedAtMs: readonly number[];
  codeHash: string | undefined;
  tries: number;
}

const MOST_ADDRESSES = 100_000;

/** Keeps codes in this process: for an installation with one auth and no Redis. A restart forgets them. */
export function createCodesInMemory(options: { clock: Clock; maxAddresses?: number }): Codes {
  const { clock } = options;
  const maxAddresses = options.maxAddresses ?? MOST_ADDRESSES;
  // In the order of the last request, so that what has lapsed is in front.
  const entries = new Map<string, Entry>();

  const sweep = (nowMs: number): void => {
    for (const [addressKey, { requestedAtMs }] of entries) {
      if (lastOf(requestedAtMs) + REQUEST_WINDOW_MS > nowMs) return;
      entries.delete(addressKey);
    }
  };

  const waiting = (addressKey: string): (Entry & { codeHash: string }) | undefined => {
    const entry = entries.get(addressKey);
    if (entry?.codeHash === undefined) return undefined;
    if (lastOf(entry.requestedAtMs) + CODE_LIFETIME_MS <= clock.monotonic()) return undefined;
    // The same object, whose hash was just seen to be set.
    return entry as Entry & { codeHash: string };
  };

  return {
    async put(addressKey, codeHash) {
      const nowMs = clock.monotonic();
      sweep(nowMs);
      const recent = (entries.get(addressKey)?.requestedAtMs ?? []).filter(
        (requestedAtMs) => requestedAtMs + REQUEST_WINDOW_MS > nowMs,
      );
      const [oldest] = recent;
      if (oldest !== undefined && recent.length >= MOST_REQUESTS) {
        return { kind: 'limited', retryAfterMs: oldest + REQUEST_WINDOW_MS - nowMs };
      }
      if (!entries.has(addressKey) && entries.size >= maxAddresses) {
        throw new MillraceError('unavailable', 'too many people are signing in, try again later');
      }
      entries.delete(addressKey);
      entries.set(addressKey, { requestedAtMs: [...recent, nowMs], codeHash, tries: 0 });
      return { kind: 'kept' };
    },
    async takeTry(addressKey) {
      const entry = waiting(addressKey);
      if (entry === undefined || entry.tries >= MOST_TRIES) return undefined;
      entry.tries++;
      return entry.codeHash;
    },
    async consume(addressKey, codeHash) {
      const entry: Entry | undefined = waiting(addressKey);
      if (entry?.codeHash !== codeHash) return false;
      entry.codeHash = undefined;
      return true;
    },
  };
}

function lastOf(requestedAtMs: readonly number[]): number {
  return requestedAtMs.at(-1) ?? 0;
}
