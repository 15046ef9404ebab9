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
