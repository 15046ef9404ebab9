import type { KnownEvent } from '@millrace/stores';
import type { AcceptItem } from '../accept/pack.ts';

/** Told what became of an original: undefined when it failed. */
type Waiter = (original: KnownEvent | undefined) => void;

/** Keys whose original is being published by this process, with those who wait for its fate: mostly nobody. */
export type InFlight = Map<string, Waiter[] | undefined>;

/** An empty set of keys. */
export function inFlightKeys(): InFlight {
  return new Map();
}

/** How one call's items stand to each other and to the calls under way. */
export interface CallInFlight {
  /** Items without a key. */
  readonly keyless: readonly number[];
  /** Items that are the first in flight with their key: originals, as far as is known here. */
  readonly keyed: readonly number[];
  /** Duplicates of something in flight: `original` tells its fate, undefined when it failed. */
  readonly waiting: readonly { readonly index: number; readonly original: Promise<KnownEvent | undefined> }[];
  succeeded(indexes: readonly number[]): void;
  failed(indexes: readonly number[]): void;
  /** The key turned out to belong to a durable event. */
  known(index: number, original: KnownEvent): void;
  /** Takes out every key that is still in flight, as failed. */
  release(): void;
}

/** Puts the keys of a call's items in flight; what is in flight already is waited for. */
export function putInFlight(inFlight: InFlight, items: readonly AcceptItem[]): CallInFlight {
  const keyless: number[] = [];
  const keyed: number[] = [];
  const waiting: { index: number; original: Promise<KnownEvent | undefined> }[] = [];
  const own = new Set<number>();
  items.forEach(({ dedupKey }, index) => {
    if (dedupKey === '') {
      keyless.push(index);
      return;
    }
    if (inFlight.has(dedupKey)) {
      waiting.push({ index, original: fateOf(inFlight, dedupKey) });
      return;
    }
    // No list until somebody waits: one for each event would be most of what is kept here.
    inFlight.set(dedupKey, undefined);
    own.add(index);
    keyed.push(index);
  });
  const settle = (index: number, original: KnownEvent | undefined) => {
    if (!own.delete(index)) return;
    const dedupKey = items[index]?.dedupKey ?? '';
    const waiters = inFlight.get(dedupKey);
    inFlight.delete(dedupKey);
    if (waiters) for (const tell of waiters) tell(original);
  };
  return {
    keyless,
    keyed,
    waiting,
    succeeded(indexes) {
      for (const index of indexes) {
        const item = items[index];
        if (item) settle(index, { bodyHash: item.bodyHash, eventId: item.eventId });
      }
    },
    failed(indexes) {
      for (const index of indexes) settle(index, undefined);
    },
    known: settle,
    release() {
      for (const index of [...own]) settle(index, undefined);
    },
  };
}

function fateOf(inFlight: InFlight, dedupKey: string): Promise<KnownEvent | undefined> {
  return new Promise((resolve) => {
    const waiters = inFlight.get(dedupKey);
    if (waiters) waiters.push(resolve);
    else inFlight.set(dedupKey, [resolve]);
  });
}
