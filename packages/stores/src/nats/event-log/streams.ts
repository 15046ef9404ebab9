import { DiscardPolicy, type JetStreamManager, nanos, RetentionPolicy, StorageType } from 'nats';
import { ensureStream } from '../ensure-stream.ts';
import { DEAD_LETTERS_STREAM, EVENTS_STREAM } from './shards.ts';

/** How the streams are kept. */
export interface StreamSettings {
  /** Copies of each message: 3 in a cluster, 1 otherwise. */
  readonly replicas: number;
  /** Room for `EVENTS`, in bytes. When it is used up, publishing fails. */
  readonly maxBytes: number;
}

/** How long the server remembers a message id, in milliseconds: longer than any publisher retries. */
const DUPLICATE_WINDOW_MS = 120_000;

/**
 * Makes the streams `EVENTS` and `DEAD_LETTERS`, or brings their settings up to date.
 * `EVENTS` keeps what it has: no age limit, and when full it refuses new messages instead of dropping old ones.
 */
export async function ensureEventStreams(manager: JetStreamManager, settings: StreamSettings): Promise<void> {
  const common = {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: settings.replicas,
    allow_direct: true,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
  await ensureStream(manager, {
    ...common,
    name: EVENTS_STREAM,
    subjects: ['events.*.*'],
    discard: DiscardPolicy.New,
    max_bytes: settings.maxBytes,
  });
  await ensureStream(manager, {
    ...common,
    name: DEAD_LETTERS_STREAM,
    subjects: ['dead-letters.>'],
    discard: DiscardPolicy.Old,
    max_bytes: Math.ceil(settings.maxBytes / 10),
  });
}
