/** A record and the revision it was read at: what a change by compare-and-set starts from. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: number;
}

/** What happened to a record in the index. */
export type RecordChange<T> =
  | {
      readonly kind: 'put';
      readonly recordKey: string;
      readonly value: T;
      readonly previous: T | undefined;
    }
  | { readonly kind: 'removed'; readonly recordKey: string; readonly previous: T };

/**
 * Records in memory, fed from two sides: by the watch, in the order of revisions, and by this process's own
 * acknowledged writes, which may come before or after the watch shows them. Neither undoes the other.
 */
export interface RecordTable<T> {
  readonly records: ReadonlyMap<string, Versioned<T>>;
  /** The last revision that the watch has shown. */
  readonly position: number;
  watchedPut(recordKey: string, value: T, revision: number): void;
  watchedRemoval(recordKey: string, revision: number): void;
  /** Passes over a revision that holds nothing of use. */
  watchedOther(revision: number): void;
  wrote(recordKey: string, value: T, revision: number): void;
  removed(recordKey: string, revision: number): void;
}

/** Makes an empty table. */
export function createRecordTable<T>(options: {
  onChange: (change: RecordChange<T>) => void;
}): RecordTable<T> {
  const { onChange } = options;
  const records = new Map<string, Versioned<T>>();
  // Own removals that the watch has not reached yet: an older put on its way must not bring the record back.
  const removals = new Map<string, number>();
  let position = 0;

  const put = (recordKey: string, value: T, revision: number): void => {
    const known = records.get(recordKey);
    if (known !== undefined && known.revision >= revision) return;
    records.set(recordKey, { value, revision });
    onChange({ kind: 'put', recordKey, value, previous: known?.value });
  };
  const remove = (recordKey: string, revision: number): void => {
    const known = records.get(recordKey);
    if (known === undefined || known.revision >= revision) return;
    records.delete(recordKey);
    onChange({ kind: 'removed', recordKey, previous: known.value });
  };
  const advance = (revision: number): void => {
    position = Math.max(position, revision);
  };

  return {
    records,
    get position() {
      return position;
    },
    watchedPut(recordKey, value, revision) {
      advance(revision);
      const removedAt = removals.get(recordKey) ?? 0;
      if (removedAt > revision) return;
      removals.delete(recordKey);
      put(recordKey, value, revision);
    },
    watchedRemoval(recordKey, revision) {
      advance(revision);
      if ((removals.get(recordKey) ?? 0) <= revision) removals.delete(recordKey);
      remove(recordKey, revision);
    },
    watchedOther: advance,
    wrote(recordKey, value, revision) {
      // What the watch has passed it has also shown, or something newer.
      if (revision <= position || (removals.get(recordKey) ?? 0) > revision) return;
      put(recordKey, value, revision);
    },
    removed(recordKey, revision) {
      if (revision <= position) return;
      removals.set(recordKey, revision);
      remove(recordKey, revision);
    },
  };
}

/** Tells every difference between two states of the same bucket. */
export function tellDifferences<T>(options: {
  before: ReadonlyMap<string, Versioned<T>>;
  after: ReadonlyMap<string, Versioned<T>>;
  onChange: (change: RecordChange<T>) => void;
}): void {
  const { before, after, onChange } = options;
  for (const [recordKey, { value, revision }] of after) {
    const known = before.get(recordKey);
    if (known?.revision !== revision) onChange({ kind: 'put', recordKey, value, previous: known?.value });
  }
  for (const [recordKey, { value }] of before) {
    if (!after.has(recordKey)) onChange({ kind: 'removed', recordKey, previous: value });
  }
}
