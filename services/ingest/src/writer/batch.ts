import type { Row } from '@millrace/wire';
import { unpackEnvelope } from '@millrace/wire';
import type { DeadItem, StreamMessage } from './ports.ts';

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
  const rows: Row[] = [];
  const poison: Poison[] = [];
  let index = 0;
  const problem = unpackEnvelope(
    data,
    ({ start, end, keyAt, sound }) => {
      if (sound) rows.push({ data, start, end, keyAt, seq, index });
      else poison.push({ seq, index, ...UNSOUND, body: data.subarray(start, end) });
      index++;
    },
    (traceparent) => batch.traceparents.push(traceparent),
  );
  if (problem !== undefined) {
    batch.poison.push({ seq, index: 0, reason: 'malformed_envelope', detail: problem, body: data });
    return;
  }
  for (const row of rows) batch.rows.push(row);
  for (const item of poison) batch.poison.push(item);
}

const UNSOUND = { reason: 'malformed_event', detail: 'the bytes are not a whole event' } as const;

/** The partition of a message, year × 100 + month, from the stream's own time stamp. */
export function monthOf(storedAt: string): number {
  return Number(storedAt.slice(0, 4)) * 100 + Number(storedAt.slice(5, 7));
}
