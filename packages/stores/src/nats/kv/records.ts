import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { KvEntry } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { openBucket, type WriteOutcome } from './bucket.ts';
import { watchBucket } from './bucket-watch.ts';
import { createRecordTable, type RecordChange, tellDifferences, type Versioned } from './record-table.ts';

/** Aggregates of one type, one record each: read from memory, changed by compare-and-set in JetStream KV. */
export interface Records<T> {
  /** From memory, no I/O. */
  get(recordKey: string): Versioned<T> | undefined;
  /** All of them, from memory. */
  entries(): IterableIterator<[string, Versioned<T>]>;
  readonly size: number;
  /** Since when (monotonic ms) changes may be missing here; undefined while the index follows the bucket. */
  readonly staleSinceMs: number | undefined;
  /** From the store itself. */
  read(recordKey: string): Promise<Versioned<T> | undefined>;
  create(recordKey: string, value: T): Promise<WriteOutcome>;
  update(recordKey: string, value: T, revision: number): Promise<WriteOutcome>;
  remove(recordKey: string, revision: number): Promise<WriteOutcome>;
  /** Calls back at each later change, whoever made it; before that the caller's own writes are in. */
  onChange(listener: (change: RecordChange<T>) => void): void;
  close(): Promise<void>;
}

/** Longest that the first snapshot may take where no startup says how long there is, in milliseconds. */
const FIRST_SNAPSHOT_TIMEOUT_MS = 30_000;

/**
 * Opens the records of a bucket and returns when the index is complete.
 * Records are JSON, checked by `parse` when read: they are few and seldom written, an operator can read them with
 * `nats kv get`, and a field added later needs no migration. One that can't be parsed is logged and left out.
 */
export async function openRecords<T>(options: {
  connection: NatsConnection;
  bucket: string;
  replicas: number;
  /** Throws when what is stored isn't a record. */
  parse: (stored: unknown) => T;
  clock: Clock;
  log: Logger;
  checkIntervalMs?: number;
}): Promise<Records<T>> {
  const { connection, clock, log, parse } = options;
  const settings = { name: options.bucket, replicas: options.replicas };
  const bucket = await openBucket(connection, settings);
  const listeners: ((change: RecordChange<T>) => void)[] = [];
  const tell = (change: RecordChange<T>): void => {
    for (const listener of listeners) listener(change);
  };
  const ready = Promise.withResolvers<void>();
  let current = createRecordTable<T>({ onChange: tell });
  // While a snapshot is read, the last complete state goes on answering, and only its changes are told.
  let loading: typeof current | undefined;
  let staleSinceMs: number | undefined = clock.monotonic();

  const readEntry = (entry: KvEntry): void => {
    const table = loading ?? current;
    if (entry.operation !== 'PUT') {
      table.watchedRemoval(entry.key, entry.revision);
      return;
    }
    try {
      table.watchedPut(entry.key, parse(entry.json()), entry.revision);
    } catch (error) {
      log.error({ bucket: settings.name, revision: entry.revision, err: error }, 'unreadable record');
      table.watchedRemoval(entry.key, entry.revision);
    }
  };

  const watch = watchBucket({
    connection,
    settings,
    log,
    ...(options.checkIntervalMs === undefined ? {} : { checkIntervalMs: options.checkIntervalMs }),
    reader: {
      snapshotBegins() {
        const table = createRecordTable<T>({ onChange: (change) => table === current && tell(change) });
        loading = table;
      },
      entry: readEntry,
      snapshotEnds(lastRevision) {
        const before = current.records;
        current = loading ?? current;
        loading = undefined;
        current.watchedOther(lastRevision);
        staleSinceMs = undefined;
        tellDifferences({ before, after: current.records, onChange: tell });
        ready.resolve();
      },
      lost() {
        staleSinceMs ??= clock.monotonic();
      },
      position: () => (loading ?? current).position,
    },
  });

  const encode = (value: T): Uint8Array => Buffer.from(JSON.stringify(value));
  const wrote = (recordKey: string, value: T, outcome: WriteOutcome): WriteOutcome => {
    if (outcome.kind === 'written') {
      loading?.wrote(recordKey, value, outcome.revision);
      current.wrote(recordKey, value, outcome.revision);
    }
    return outcome;
  };

  const timeout = setTimeout(
    () => ready.reject(new MillraceError('unavailable', `the bucket ${settings.name} can not be read`)),
    connection.startup?.remainingMs() || FIRST_SNAPSHOT_TIMEOUT_MS,
  );
  try {
    await ready.promise;
  } catch (error) {
    await watch.close();
    throw error;
  } finally {
    clearTimeout(timeout);
  }

  return {
    get: (recordKey) => current.records.get(recordKey),
    entries: () => current.records.entries(),
    get size() {
      return current.records.size;
    },
    get staleSinceMs() {
      return staleSinceMs;
    },
    async read(recordKey) {
      const stored = await bucket.get(recordKey);
      if (stored === undefined) return undefined;
      const value = parse(JSON.parse(Buffer.from(stored.bytes).toString('utf8')));
      return { value, revision: stored.revision };
    },
    create: async (recordKey, value) =>
      wrote(recordKey, value, await bucket.create(recordKey, encode(value))),
    update: async (recordKey, value, revision) =>
      wrote(recordKey, value, await bucket.update(recordKey, encode(value), revision)),
    async remove(recordKey, revision) {
      const outcome = await bucket.remove(recordKey, revision);
      if (outcome.kind === 'written') {
        loading?.removed(recordKey, outcome.revision);
        current.removed(recordKey, outcome.revision);
      }
      return outcome;
    },
    onChange: (listener) => void listeners.push(listener),
    close: () => watch.close(),
  };
}
