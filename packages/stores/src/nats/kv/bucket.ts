import { MillraceError, waitWithin } from '@millrace/runtime';
import { Empty, headers, type KV, NatsError, StorageType } from 'nats';
import type { NatsConnection } from '../connect.ts';

/** The outcome of a change by compare-and-set. */
export type WriteOutcome =
  | { readonly kind: 'written'; readonly revision: number }
  | { readonly kind: 'conflict' };

/** A JetStream KV bucket: durable, replicated, one revision kept of each record. */
export interface Bucket {
  readonly name: string;
  readonly kv: KV;
  get(recordKey: string): Promise<{ bytes: Uint8Array; revision: number } | undefined>;
  create(recordKey: string, bytes: Uint8Array): Promise<WriteOutcome>;
  update(recordKey: string, bytes: Uint8Array, revision: number): Promise<WriteOutcome>;
  remove(recordKey: string, revision: number): Promise<WriteOutcome>;
  /** The last revision given out, and how many records and removal marks there are. */
  state(): Promise<{ lastRevision: number; messages: number }>;
}

/** How a bucket is kept. */
export interface BucketSettings {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  readonly replicas: number;
}

const WRONG_LAST_SEQUENCE = 10071;
const REQUEST_TIMEOUT_MS = 3_000;

/** Opens a bucket, making it when it is missing and bringing its number of replicas up to date. */
export function openBucket(connection: NatsConnection, settings: BucketSettings): Promise<Bucket> {
  const what = `the bucket ${settings.name}`;
  return waitWithin(connection.startup, what, () => openOnce(connection, settings));
}

async function openOnce(connection: NatsConnection, settings: BucketSettings): Promise<Bucket> {
  const js = connection.jetstream({ timeout: REQUEST_TIMEOUT_MS });
  const manager = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
  const kv = await js.views.kv(settings.name, {
    history: 1,
    storage: StorageType.File,
    replicas: settings.replicas,
    // Direct reads may be answered by a copy that lags; a change by compare-and-set would read its own past.
    allow_direct: false,
  });
  const stream = `KV_${settings.name}`;
  const { config } = await manager.streams.info(stream);
  if (config.num_replicas !== settings.replicas) {
    await manager.streams.update(stream, { num_replicas: settings.replicas });
  }
  return {
    name: settings.name,
    kv,
    async get(recordKey) {
      const entry = await available(kv.get(recordKey));
      return entry === null || entry.operation !== 'PUT'
        ? undefined
        : { bytes: entry.value, revision: entry.revision };
    },
    create: (recordKey, bytes) => outcomeOf(kv.create(recordKey, bytes)),
    update: (recordKey, bytes, revision) => outcomeOf(kv.update(recordKey, bytes, revision)),
    remove(recordKey, revision) {
      // The same message as kv.delete's, whose revision that method doesn't tell.
      const marks = headers();
      marks.set('KV-Operation', 'DEL');
      const removed = js.publish(`$KV.${settings.name}.${recordKey}`, Empty, {
        headers: marks,
        expect: { lastSubjectSequence: revision },
      });
      return outcomeOf(removed.then((ack) => ack.seq));
    },
    async state() {
      const { state } = await available(manager.streams.info(stream));
      return { lastRevision: state.last_seq, messages: state.messages };
    },
  };
}

async function outcomeOf(write: Promise<number>): Promise<WriteOutcome> {
  try {
    return { kind: 'written', revision: await write };
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE) {
      return { kind: 'conflict' };
    }
    throw unavailable(error);
  }
}

async function available<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the key-value store does not answer', { cause });
}
