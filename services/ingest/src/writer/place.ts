import type { ReaderPosition } from '@millrace/stores';
import { type Batch, monthOf } from './batch.ts';

/** Where a shard's writer stands. */
export interface Place {
  /** Every message up to here is stored, dropped as a copy, or parked. */
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
 * when the last batches had nothing but copies, and when the newest rows were deleted.
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
