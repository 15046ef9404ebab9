import type { Ledger } from '../client/ledger.ts';

/** What the store holds against what the client was told. */
export interface Comparison {
  readonly rows: number;
  /** Accepted and not stored. */
  readonly lost: readonly string[];
  /** Stored more than once. */
  readonly doubled: readonly string[];
  /** Stored and never sent. */
  readonly strangers: readonly string[];
}

/** Holds the stored ids, one entry for each row, against a ledger: accepted ⊆ rows ⊆ sent, each once. */
export function compare(ledger: Ledger, storedIds: readonly string[]): Comparison {
  const met = new Set<string>();
  const doubled = new Set<string>();
  const strangers = new Set<string>();
  for (const id of storedIds) {
    if (met.has(id)) doubled.add(id);
    met.add(id);
    if (!ledger.sentIds.has(id)) strangers.add(id);
  }
  const lost = [...ledger.acceptedIds].filter((id) => !met.has(id));
  return { rows: storedIds.length, lost, doubled: [...doubled], strangers: [...strangers] };
}
