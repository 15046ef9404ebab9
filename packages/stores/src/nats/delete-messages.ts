import { MillraceError } from '@millrace/runtime';
import type { JetStreamManager, NatsConnection } from 'nats';
import { createDirectReads, type StreamMessage } from './event-log/direct-reads.ts';

const CHUNK = { maxMessages: 64, maxBytes: 1024 * 1024 };

/**
 * Deletes the messages of a stream that are wanted gone, overwritten on the disk as well, and tells how many. The stream allows direct
 * reads. Throws MillraceError `unavailable`, or the signal's reason; repeating it goes on.
 */
export async function deleteMessages(options: {
  connection: NatsConnection;
  streams: JetStreamManager['streams'];
  stream: string;
  subject: string;
  isWanted: (message: Buffer) => boolean;
  signal: AbortSignal;
  /** Only messages that the stream took before; undefined for all. */
  beforeMs?: number | undefined;
}): Promise<number> {
  const { streams, stream, isWanted, signal, beforeMs = Number.POSITIVE_INFINITY } = options;
  const reads = createDirectReads(options);
  let deleted = 0;
  try {
    for (let fromSeq = 1, pending = 1; pending > 0; ) {
      const chunk: StreamMessage[] = [];
      const answer = await reads.read({
        fromSeq,
        ...CHUNK,
        onMessage: (message) => void chunk.push(message),
        signal,
      });
      for (const { seq, data, storedAt } of chunk) {
        if (Date.parse(storedAt) >= beforeMs) return deleted;
        fromSeq = seq + 1;
        if (!isWanted(data)) continue;
        await streams.deleteMessage(stream, seq, true);
        deleted++;
      }
      pending = chunk.length === 0 ? 0 : answer.pending;
    }
    return deleted;
  } catch (error) {
    if (signal.aborted || error instanceof MillraceError) throw error;
    throw new MillraceError('unavailable', `messages of ${stream} can not be deleted`, { cause: error });
  } finally {
    reads.close();
  }
}
