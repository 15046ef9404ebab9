import type { AcceptItem } from './pack.ts';
import type { SeenEvent } from './ports.ts';

/** Keys whose first copy is being published by this process. */
export type InFlight = Map<string, Promise<SeenEvent | undefined>>;

/** An empty set of keys. */
export function inFlightKeys(): InFlight {
  return new Map();
}

/** How one call's items stand to each other and to the calls under way. */
export interface Claims {
  /** Items without a key. */
  readonly keyless: readonly number[];
  /** Items that are the first in flight with their key. */
  readonly keyed: readonly number[];
  /** Copies of something in flight: `first` tells its fate, undefined when it failed. */
  readonly waiting: readonly { readonly index: number; readonly first: Promise<SeenEvent | undefined> }[];
  succeeded(indexes: readonly number[]): void;
  failed(indexes: readonly number[]): void;
  /** The key turned out to belong to a durable event. */
  known(index: number, seen: SeenEvent): void;
  /** Gives back every key that is still claimed, as failed. */
  release(): void;
}

/** Claims the keys of a call's items; what is claimed already is waited for. */
export function claimKeys(inFlight: InFlight, items: readonly AcceptItem[]): Claims {
  const keyless: number[] = [];
  const keyed: number[] = [];
  const waiting: { index: number; first: Promise<SeenEvent | undefined> }[] = [];
  const claimed = new Map<number, (seen: SeenEvent | undefined) => void>();
  items.forEach((item, index) => {
    if (item.dedupKey === '') {
      keyless.push(index);
      return;
    }
    const first = inFlight.get(item.dedupKey);
    if (first) {
      waiting.push({ index, first });
      return;
    }
    const { promise, resolve } = Promise.withResolvers<SeenEvent | undefined>();
    inFlight.set(item.dedupKey, promise);
    claimed.set(index, resolve);
    keyed.push(index);
  });
  const settle = (index: number, seen: SeenEvent | undefined) => {
    const resolve = claimed.get(index);
    if (!resolve) return;
    claimed.delete(index);
    inFlight.delete(items[index]?.dedupKey ?? '');
    resolve(seen);
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
      for (const index of [...claimed.keys()]) settle(index, undefined);
    },
  };
}
