import { type Clock, type Logger, MillraceError, waitWithin } from '@millrace/runtime';
import { DiscardPolicy, RetentionPolicy, StorageType } from 'nats';
import { z } from 'zod';
import type { NatsConnection } from '../connect.ts';
import { ensureStream } from '../ensure-stream.ts';
import { createDirectReads, type StreamMessage } from '../event-log/direct-reads.ts';
import { openLogReader } from '../event-log/reader.ts';

/** The stream of deliveries that will be attempted again, a message for each. */
export const RETRIES_STREAM = 'RETRIES';

const retry = z.object({
  deliveryId: z.string(),
  endpointId: z.string(),
  workspaceId: z.string(),
  /** Where its event stands in the stream `EVENTS`. */
  seq: z.number(),
  index: z.number(),
  eventId: z.string(),
  /** The number of the attempt that is due, from 1. */
  attempt: z.number(),
  /** Attempts that were made of the present schedule. */
  tries: z.number(),
  /** Milliseconds since 1970, as the rest. */
  dueAtMs: z.number(),
  createdAtMs: z.number(),
  cause: z.enum(['event', 'resend', 'replay']),
});

/** A delivery that will be attempted again. */
export type Retry = Readonly<z.output<typeof retry>>;

/** A retry, and the message that stands for it. */
export interface StoredRetry extends Retry {
  readonly messageSeq: number;
}

/** The retries of all endpoints, by group of endpoints. Throws MillraceError `unavailable`. */
export interface Retries {
  /** Resolves when it is on disk. Repeating it within two minutes changes nothing. */
  put(group: number, retry: Retry): Promise<number>;
  /** Deletes the message; one that is gone already is as good. */
  remove(messageSeq: number): Promise<void>;
  /** Tells what a group has. */
  scan(group: number, onRetry: (retry: StoredRetry) => void, signal: AbortSignal): Promise<void>;
  /** Tells what is put from now on, of all groups. */
  follow(onRetry: (retry: StoredRetry) => void): Promise<RetryFeed>;
}

/** Tells of retries until it is closed. */
export interface RetryFeed {
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const READ_AHEAD_BYTES = 1024 * 1024;
const CHUNK = { maxMessages: 1_000, maxBytes: 1024 * 1024 };
const WAIT_MS = 1_000;
/** Ones that nobody asks for any more go some day: the longest schedule is 20 times 24 hours. */
const MAX_AGE_MS = 30 * 24 * 60 * 60 * 1_000;
const MAX_BYTES = 256 * 1024 * 1024;
const NO_MESSAGE = 10037;

/** Opens them, making the stream when it is missing. */
export async function openRetries(options: {
  connection: NatsConnection;
  /** Copies of each message: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<Retries> {
  const { connection, clock, log } = options;
  const manager = await waitWithin(connection.startup, `the stream ${RETRIES_STREAM}`, async () => {
    const opened = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
    await ensureStream(opened, {
      name: RETRIES_STREAM,
      subjects: ['retries.*'],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      // A full one refuses: what can't be written down is attempted again by its cursor.
      discard: DiscardPolicy.New,
      max_age: MAX_AGE_MS * 1e6,
      max_bytes: MAX_BYTES,
      num_replicas: options.replicas,
      allow_direct: true,
    });
    return opened;
  });
  const js = connection.jetstream({ timeout: REQUEST_TIMEOUT_MS });

  const read = (message: StreamMessage, onRetry: (retry: StoredRetry) => void): void => {
    try {
      const parsed = retry.parse(JSON.parse(message.data.toString('utf8')));
      onRetry({ ...parsed, messageSeq: message.seq });
    } catch (error) {
      log.error({ err: error, seq: message.seq }, 'a retry can not be read and is left out');
    }
  };

  return {
    async put(group, one) {
      const msgID = `${one.deliveryId}.${one.attempt}.${one.dueAtMs}`;
      try {
        const { seq } = await js.publish(`retries.${group}`, JSON.stringify(one), { msgID });
        return seq;
      } catch (cause) {
        throw new MillraceError('unavailable', 'a retry can not be written down', { cause });
      }
    },
    async remove(messageSeq) {
      try {
        await manager.streams.deleteMessage(RETRIES_STREAM, messageSeq, false);
      } catch (cause) {
        const code = (cause as { api_error?: { err_code?: number } }).api_error?.err_code;
        if (code === NO_MESSAGE) return;
        throw new MillraceError('unavailable', 'a retry can not be removed', { cause });
      }
    },
    async scan(group, onRetry, signal) {
      const subject = `retries.${group}`;
      const reads = createDirectReads({ connection, stream: RETRIES_STREAM, subject });
      try {
        for (let pending = 1, fromSeq = 1; pending > 0; ) {
          const onMessage = (message: StreamMessage) => {
            fromSeq = message.seq + 1;
            read(message, onRetry);
          };
          const answer = await reads.read({ fromSeq, ...CHUNK, onMessage, signal });
          pending = answer.messages === 0 ? 0 : answer.pending;
        }
      } finally {
        reads.close();
      }
    },
    async follow(onRetry) {
      const closing = new AbortController();
      const { state } = await waitWithin(connection.startup, `the stream ${RETRIES_STREAM}`, () =>
        manager.streams.info(RETRIES_STREAM),
      );
      const reader = openLogReader({
        ...{ connection, stream: RETRIES_STREAM, subject: 'retries.*', afterSeq: state.last_seq },
        ...{ maxBufferedBytes: READ_AHEAD_BYTES, clock, log },
      });
      const running = (async () => {
        while (!closing.signal.aborted) {
          for (let message = reader.take(); message !== undefined; message = reader.take()) {
            read(message, onRetry);
          }
          await reader.wait(WAIT_MS, closing.signal);
        }
        await reader.close();
      })();
      return {
        async close() {
          closing.abort();
          await running;
        },
      };
    },
  };
}
