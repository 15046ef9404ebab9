import type { JetStreamManager, NatsConnection } from 'nats';
import type { StreamMessage } from './direct-reads.ts';
import { createDirectReads } from './direct-reads.ts';
import { EVENTS_STREAM } from './streams.ts';

const CHUNK_MESSAGES = 500;
const CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * Reads the stream `EVENTS` backwards, a chunk at a time, until `onChunk` answers false, the stream's beginning, or
 * `maxBytes`. Within a chunk the messages are in the stream's order. Throws `unavailable` when the stream can't be read.
 */
export async function readNewestMessages(options: {
  connection: NatsConnection;
  manager: JetStreamManager;
  maxBytes: number;
  onChunk: (messages: readonly StreamMessage[]) => boolean;
  signal: AbortSignal;
}): Promise<void> {
  const { state } = await options.manager.streams.info(EVENTS_STREAM);
  const reads = createDirectReads({
    connection: options.connection,
    stream: EVENTS_STREAM,
    subject: 'events.>',
  });
  try {
    let bytes = 0;
    let before = state.last_seq + 1;
    while (before > state.first_seq && state.messages > 0 && bytes < options.maxBytes) {
      const from = Math.max(state.first_seq, before - CHUNK_MESSAGES);
      const chunk: StreamMessage[] = [];
      let next = from;
      while (next < before) {
        const known = chunk.length;
        const onMessage = (message: StreamMessage) => {
          next = message.seq + 1;
          if (message.seq < before) chunk.push(message);
        };
        const maxMessages = before - next;
        await reads.read({
          fromSeq: next,
          maxMessages,
          maxBytes: CHUNK_BYTES,
          onMessage,
          signal: options.signal,
        });
        if (chunk.length === known) break;
      }
      for (const message of chunk) bytes += message.data.length;
      if (!options.onChunk(chunk)) return;
      before = from;
    }
  } finally {
    reads.close();
  }
}
