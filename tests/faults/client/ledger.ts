/** What a client knows about its events: the log that the store is held against. */
export interface Ledger {
  /** Notes an id before its first byte leaves. */
  sent(ids: readonly string[]): void;
  /** Notes ids that were answered 2xx, as new or as duplicates. */
  accepted(ids: readonly string[]): void;
  isAccepted(id: string): boolean;
  readonly counts: { sent: number; accepted: number; unknown: number };
  readonly acceptedIds: ReadonlySet<string>;
  readonly sentIds: ReadonlySet<string>;
}

/** Makes an empty ledger. An id that is sent and never accepted is unknown: it may be stored, once. */
export function createLedger(): Ledger {
  const sentIds = new Set<string>();
  const acceptedIds = new Set<string>();
  return {
    sentIds,
    acceptedIds,
    sent(ids) {
      for (const id of ids) sentIds.add(id);
    },
    accepted(ids) {
      for (const id of ids) {
        if (!sentIds.has(id)) throw new Error(`${id} was accepted but never sent`);
        acceptedIds.add(id);
      }
    },
    isAccepted: (id) => acceptedIds.has(id),
    get counts() {
      const sent = sentIds.size;
      const accepted = acceptedIds.size;
      return { sent, accepted, unknown: sent - accepted };
    },
  };
}
