import { waitWithin } from '@millrace/runtime';
import type { NatsConnection } from '../connect.ts';
import { deleteMessages } from '../delete-messages.ts';
import { createDirectReads } from './direct-reads.ts';
import { shardOfSubject } from './event-log.ts';
import { openPositions } from './positions.ts';
import { DEAD_LETTERS_STREAM, EVENTS_STREAM, shardNumber } from './streams.ts';

/** The streams as whoever deletes stored events needs them. Throws MillraceError `unavailable`. */
export interface StreamErasing {
  /** The last sequence of `EVENTS` that was given out: everything accepted until now has this one or a lower one. */
  lastSeq(): Promise<number>;
  /** The first sequence of `EVENTS` that is still there; one behind the last when it is empty. */
  firstSeq(): Promise<number>;
  /** Whether the writer is done with everything up to here, of whatever shard, and has recorded it. */
  isWritten(throughSeq: number): Promise<boolean>;
  /** Keeps a shard's position where it is though its newest rows are deleted: the writer would store them again. */
  keepPosition(shard: number, stored: number): Promise<void>;
  /** Deletes dead letters, bytes and all, of those that the stream took before a time in milliseconds since 1970; tells how many. */
  deleteDeadLetters(
    isWanted: (message: Buffer) => boolean,
    signal: AbortSignal,
    beforeMs?: number,
  ): Promise<number>;
}

const WRITER = 'writer';
const REQUEST_TIMEOUT_MS = 5_000;

/** Opens them; the streams must exist when they are asked. */
export async function openStreamErasing(options: {
  connection: NatsConnection;
  /** Copies of each position: 3 in a cluster, 1 otherwise. */
  replicas: number;
}): Promise<StreamErasing> {
  const { connection } = options;
  const positions = await openPositions(options);
  const { streams } = await waitWithin(connection.startup, 'JetStream', () =>
    connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS }),
  );

  const firstBehind = async (subject: string, afterSeq: number): Promise<number> => {
    const reads = createDirectReads({ connection, stream: EVENTS_STREAM, subject });
    let first = Number.POSITIVE_INFINITY;
    try {
      await reads.read({
        fromSeq: afterSeq + 1,
        maxMessages: 1,
        maxBytes: 1,
        onMessage: ({ seq }) => {
          first = seq;
        },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return first;
    } finally {
      reads.close();
    }
  };

  return {
    lastSeq: async () => (await streams.info(EVENTS_STREAM)).state.last_seq,
    async firstSeq() {
      const { first_seq, last_seq, messages } = (await streams.info(EVENTS_STREAM)).state;
      return messages === 0 ? last_seq + 1 : first_seq;
    },
    async isWritten(throughSeq) {
      const { state } = await streams.info(EVENTS_STREAM, { subjects_filter: 'events.>' });
      for (const subject of Object.keys(state.subjects ?? {})) {
        const shard = shardOfSubject(subject);
        if (shard === undefined) continue;
        const position = await positions.read(shardNumber(shard), WRITER);
        // A shard's position stands at its own last message, wherever the others are.
        if ((await firstBehind(subject, position?.seq ?? 0)) <= throughSeq) return false;
      }
      return true;
    },
    async keepPosition(shard, stored) {
      const position = await positions.read(shard, WRITER);
      if ((position?.stored ?? 0) >= stored) return;
      await positions.raise(shard, WRITER, { seq: Math.max(position?.seq ?? 0, stored), stored });
    },
    deleteDeadLetters: (isWanted, signal, beforeMs) =>
      deleteMessages({
        ...{ connection, streams, stream: DEAD_LETTERS_STREAM, subject: 'dead-letters.>' },
        ...{ isWanted, signal, beforeMs },
      }),
  };
}
