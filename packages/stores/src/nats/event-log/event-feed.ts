import { type Clock, type Logger, MillraceError, toMillraceError } from '@millrace/runtime';
import type { JetStreamManager } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { createDirectReads, type StreamMessage } from './direct-reads.ts';
import { readNewestMessages } from './newest-messages.ts';
import { type LogReader, openLogReader } from './reader.ts';
import { EVENTS_STREAM } from './streams.ts';

/** What the stream holds. */
export interface FeedState {
  /** Tells one stream from another that has come in its place: lower-case letters and digits. */
  readonly id: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * The stream `EVENTS` for readers who look on: all shards in the order in which they were taken, and nothing is kept on the
 * server. Sequences have no holes but those of trimmed messages. Throws MillraceError `unavailable`.
 */
export interface EventFeed {
  state(): Promise<FeedState>;
  follow(afterSeq: number): LogReader;
  /** The first messages of a range, inclusive: at least one unless it has none. */
  read(range: FeedRange): Promise<StreamMessage[]>;
  /** See `readNewestMessages`. */
  readNewest(
    options: Pick<Parameters<typeof readNewestMessages>[0], 'maxBytes' | 'onChunk' | 'signal'>,
  ): Promise<void>;
}

/** Which messages, and how many at most. */
export interface FeedRange {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const SUBJECT = 'events.>';
const REQUEST_TIMEOUT_MS = 5_000;

/** Opens the feed; whether the stream exists shows when it is asked. */
export function openEventFeed(options: {
  connection: NatsConnection;
  /** How far a follower may read ahead, in bytes. */
  readAheadBytes: number;
  clock: Clock;
  log: Logger;
}): EventFeed {
  const { connection, clock, log } = options;
  let manager: Promise<JetStreamManager> | undefined;
  const managed = async <T>(ask: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
    manager ??= connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
    try {
      return await ask(await manager);
    } catch (cause) {
      manager = undefined;
      const error = toMillraceError(cause);
      // What the client throws is all of one kind to whoever asks: the stream can't be read now.
      throw error.code === 'internal'
        ? new MillraceError('unavailable', 'the stream can not be read', { cause })
        : error;
    }
  };
  return {
    async state() {
      const { created, state } = await managed(({ streams }) => streams.info(EVENTS_STREAM));
      return { id: Date.parse(created).toString(36), firstSeq: state.first_seq, lastSeq: state.last_seq };
    },
    follow: (afterSeq) =>
      openLogReader({
        connection,
        stream: EVENTS_STREAM,
        subject: SUBJECT,
        afterSeq,
        maxBufferedBytes: options.readAheadBytes,
        clock,
        log,
      }),
    async read({ fromSeq, toSeq, maxMessages, maxBytes, signal }) {
      const reads = createDirectReads({ connection, stream: EVENTS_STREAM, subject: SUBJECT });
      const messages: StreamMessage[] = [];
      try {
        await reads.read({
          fromSeq,
          maxMessages: Math.min(maxMessages, toSeq - fromSeq + 1),
          maxBytes,
          // Where some are missing the server goes on behind the range.
          onMessage: (message) => void (message.seq <= toSeq && messages.push(message)),
          signal,
        });
        return messages;
      } finally {
        reads.close();
      }
    },
    readNewest: (request) => managed((manager) => readNewestMessages({ connection, manager, ...request })),
  };
}
