import type { ParkedItem, ReaderPosition, StreamMessage } from '@millrace/stores';
import { type Row, unpackEnvelope } from '@millrace/wire';

/** Something that can't become a row, before it is parked. */
export interface Poison extends Pick<ParkedItem, 'seq' | 'index' | 'detail' | 'body'> {
  readonly reason: 'malformed_envelope' | 'malformed_event' | 'refused_by_store';
}

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

/** Where a shard's writer stands. */
export interface Place {
  /** Every message up to here is stored, dropped as a duplicate, or parked. */
  readonly seq: number;
  /** The highest `_seq` that ClickHouse ever held: the next insert's token. At most `seq`. */
  readonly stored: number;
  /**
   * When the stream took the first message behind `stored`, if that message is done with. The partition of the next
   * insert follows from it, so that everyone who inserts under one token meets the same partition: ClickHouse looks
   * for a repeated token in the insert's partition only.
   */
  readonly afterStoredAt?: string | undefined;
}

/**
 * The place to go on from: what ClickHouse holds, or the recorded one where that is further. The record is further
 * when the last batches had nothing but duplicates, and when the newest rows were deleted.
 */
export function placeFrom(position: number, recorded: ReaderPosition | undefined): Place {
  if (recorded?.stored === undefined || recorded.stored < position)
    return { seq: position, stored: position };
  return {
    seq: Math.max(recorded.seq, recorded.stored),
    stored: recorded.stored,
    afterStoredAt: recorded.afterStoredAt,
  };
}

/** The place behind a batch whose newest row is `newestRow`; undefined when it had none. */
export function placeBehind(place: Place, batch: Batch, newestRow: number | undefined): Place {
  const stored = newestRow ?? place.stored;
  const firstBehind = batch.messages.find((message) => message.seq > stored)?.storedAt;
  return {
    seq: batch.messages.at(-1)?.seq ?? place.seq,
    stored,
    afterStoredAt: newestRow === undefined ? (place.afterStoredAt ?? firstBehind) : firstBehind,
  };
}

/** The partition of the insert that follows a place and begins with a batch. */
export function partitionOf(place: Place, batch: Batch): number {
  return monthOf(place.afterStoredAt ?? batch.messages[0]?.storedAt ?? '');
}
