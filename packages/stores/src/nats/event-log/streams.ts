import type { Logger } from '@millrace/runtime';
import { DiscardPolicy, type JetStreamManager, nanos, RetentionPolicy, StorageType } from 'nats';
import { ensureStream } from '../ensure-stream.ts';

/** A shard of the stream `EVENTS`; all duplicates of an event meet the same one. */
export interface Shard {
  /** How many shards the layout has, 1 to 999. */
  readonly count: number;
  /** From 0. */
  readonly index: number;
}

/** The stream that every accepted event goes through. */
export const EVENTS_STREAM = 'EVENTS';

/** The stream of what could not be stored. */
export const DEAD_LETTERS_STREAM = 'DEAD_LETTERS';

/** The subject of a shard: another number of shards has other subjects, so the old ones drain on their own. */
export function shardSubject(shard: Shard): string {
  return `events.${shard.count}.${shard.index}`;
}

/** The column `_shard`: unique over all layouts. */
export function shardNumber(shard: Shard): number {
  return shard.count * 1000 + shard.index;
}

/** The shard of a dedup key (16 bytes as latin1, already a hash). */
export function shardOfKey(dedupKey: string, count: number): number {
  return count === 1 ? 0 : ((dedupKey.charCodeAt(0) << 8) | dedupKey.charCodeAt(1)) % count;
}

/** The subject of what could not be stored from a shard. */
export function deadLetterSubject(shard: number): string {
  return `dead-letters.${shard}`;
}

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

const INTERVAL_MS = 1_000;
const NEARLY_FULL = 0.8;

/** Whether the stream `EVENTS` has room. */
export interface StreamRoom {
  /** True from 80 % on. */
  readonly nearlyFull: boolean;
  /** As last seen; zeros before the first look. */
  readonly usedBytes: number;
  readonly maxBytes: number;
  close(): void;
}

/** Watches how full the stream is, once a second; while the server doesn't answer the last answer stands. */
export function watchStreamRoom(options: { manager: JetStreamManager; log: Logger }): StreamRoom {
  let nearlyFull = false;
  let usedBytes = 0;
  let maxBytes = 0;
  let asking = false;
  const look = async () => {
    if (asking) return;
    asking = true;
    try {
      const { state, config } = await options.manager.streams.info(EVENTS_STREAM);
      usedBytes = state.bytes;
      maxBytes = Math.max(0, config.max_bytes);
      const full = config.max_bytes > 0 && state.bytes >= config.max_bytes * NEARLY_FULL;
      if (full !== nearlyFull)
        options.log.warn({ bytes: state.bytes, full }, 'stream passed 80 % of its room');
      nearlyFull = full;
    } catch (error) {
      options.log.debug({ err: error }, 'stream state not available');
    } finally {
      asking = false;
    }
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  timer.unref();
  return {
    get nearlyFull() {
      return nearlyFull;
    },
    get usedBytes() {
      return usedBytes;
    },
    get maxBytes() {
      return maxBytes;
    },
    close: () => clearInterval(timer),
  };
}
