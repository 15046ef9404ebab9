import { toMillraceError } from '@millrace/runtime';
import { type EnvelopeContents, readEnvelope } from '@millrace/stores';
import { isExtensibleEvent } from './event-check.ts';
import type { DeadItem, StreamMessage } from './ports.ts';
import type { Row } from './row-encoder.ts';

/** Something that can't become a row, before it is known when it was parked. */
export type Poison = Omit<DeadItem, 'shard' | 'parkedAtMs'>;

/** Whole messages of a shard, in order, on their way to ClickHouse. */
export interface Batch {
  readonly rows: Row[];
  readonly poison: Poison[];
  readonly traceparents: string[];
  /** The messages, whether they have rows or not. */
  readonly messages: Pick<StreamMessage, 'seq' | 'storedAt'>[];
  bytes: number;
}

/** Begins a batch with its first message. */
export function beginBatch(first: StreamMessage): Batch {
  const batch: Batch = { rows: [], poison: [], traceparents: [], messages: [], bytes: 0 };
  addMessage(batch, first);
  return batch;
}

/** Adds a message's events. What can't be read goes to `poison`. */
export function addMessage(batch: Batch, message: StreamMessage): void {
  const { seq, data } = message;
  batch.messages.push({ seq, storedAt: message.storedAt });
  batch.bytes += data.length;
  let contents: EnvelopeContents;
  try {
    contents = readEnvelope(data);
  } catch (error) {
    const detail = toMillraceError(error).message;
    batch.poison.push({ seq, index: 0, reason: 'malformed_envelope', detail, body: data });
    return;
  }
  for (const traceparent of contents.traceparents) batch.traceparents.push(traceparent);
  let index = 0;
  for (const { event, dedupKey } of contents.items) {
    if (isExtensibleEvent(event)) batch.rows.push({ event, seq, index, dedupKey });
    else {
      const detail = 'the bytes are not a whole event';
      batch.poison.push({ seq, index, reason: 'malformed_event', detail, body: event });
    }
    index++;
  }
}

/** The partition of a message, year × 100 + month, from the stream's own time stamp. */
export function monthOf(storedAt: string): number {
  return Number(storedAt.slice(0, 4)) * 100 + Number(storedAt.slice(5, 7));
}
