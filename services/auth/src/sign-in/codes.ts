import { type Clock, MillraceError } from '@millrace/runtime';
import { type SecretHasher, sameProof } from '../secrets/secret-hash.ts';

/**
 * Sign-in codes that wait for their owner, one for each address: only hashes, under keys that don't tell the address.
 * Every method is one atomic step over all replicas that share a store; each throws `unavailable` when that is away.
 */
export interface Codes {
  /** Keeps a code in place of the last one, unless the address has asked too often. */
  put(addressKey: string, codeHash: string): Promise<PutOutcome>;
  /** Takes one of the tries of an address and answers what its code hashes to; undefined when there is none left. */
  takeTry(addressKey: string): Promise<string | undefined>;
  /** Uses the code up if it still is this one: true for exactly one caller. */
  consume(addressKey: string, codeHash: string): Promise<boolean>;
}

/** Whether a code was kept. */
export type PutOutcome =
  | { readonly kind: 'kept' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

/** How long a code is good, in milliseconds. */
export const CODE_LIFETIME_MS = 10 * 60_000;
/** Guesses that are looked at for one code. */
export const MOST_TRIES = 5;
/** Codes that an address may ask for within `REQUEST_WINDOW_MS`. */
export const MOST_REQUESTS = 3;
/** Longer than a code lives, in milliseconds. */
export const REQUEST_WINDOW_MS = 15 * 60_000;

/** What becomes of addresses and codes before they are stored. */
export interface CodeSecrets {
  /** Six digits. */
  newCode(): string;
  /** Names an address without telling it. */
  addressKey(email: string): string;
  /** A code's hash, good for its address only. */
  codeHash(email: string, code: string): string;
  /** Whether a hash is the one that is stored, in the same time whether or not one is. */
  isRight(codeHash: string, stored: string | undefined): boolean;
}

const CODES = 1_000_000;

/** Hashes under the pepper: without it a dump can't be searched for the million codes there are. */
export function createCodeSecrets(options: {
  hasher: SecretHasher;
  /** A uniform number from 0 to below `max` that nobody can foresee. */
  randomInt: (max: number) => number;
}): CodeSecrets {
  const { hasher, randomInt } = options;
  // Equal to no hash of a code.
  const nothing = hasher.hmac('no-sign-in-code', '');
  return {
    newCode: () => String(randomInt(CODES)).padStart(6, '0'),
    addressKey: (email) => hasher.hmac('sign-in-address', email),
    codeHash: (email, code) => hasher.hmac('sign-in-code', `${email} ${code}`),
    isRight: (codeHash, stored) => sameProof(codeHash, stored ?? nothing) && stored !== undefined,
  };
}

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
