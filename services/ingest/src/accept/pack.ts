import { Buffer } from 'node:buffer';
import { shardOfKey } from '@millrace/stores';
import { type EnvelopeItem, frameTraceparent, MAX_ITEM_BYTES, MAX_PARCEL_BYTES } from '@millrace/wire';

/** What accept needs of an envelope's item. */
export type AcceptItem = Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>;

/** Items that travel in one message. */
export interface Parcel {
  readonly shard: number;
  /** Places in the request. */
  readonly indexes: readonly number[];
  readonly payload: Buffer;
}

/** What a call becomes on its way to the stream. */
export interface PackedItems {
  readonly parcels: readonly Parcel[];
  /** Places of the items that are larger than a message may be. */
  readonly tooLarge: readonly number[];
}

/** Trace contexts that travel with a message, in bytes: the first ones, when a call has more. */
const MAX_TRACEPARENTS_BYTES = 4 * 1024;
/** What a message has around its parcel: its headers, and as a dead letter the reason. */
const AROUND_PARCEL_BYTES = 8 * 1024;

/** What a server must take so that no event is too large for it. */
export const NEEDED_PAYLOAD_BYTES = MAX_ITEM_BYTES + MAX_TRACEPARENTS_BYTES + AROUND_PARCEL_BYTES;

/**
 * Packs items into as few messages as the shards and the size limit allow.
 * Events without a key may go anywhere; those of a call stay together on `keylessShard`.
 */
export function packParcels(options: {
  items: readonly AcceptItem[];
  indexes: readonly number[];
  shardCount: number;
  keylessShard: number;
  traceparents: readonly string[];
  /** The largest message that the server takes. */
  maxPayloadBytes: number;
}): PackedItems {
  const { items, shardCount, keylessShard } = options;
  const trailer = frameTraceparents(options.traceparents);
  const maxBytes = Math.min(MAX_PARCEL_BYTES, options.maxPayloadBytes - AROUND_PARCEL_BYTES) - trailer.length;
  const open = new Map<number, { indexes: number[]; frames: Buffer[]; bytes: number }>();
  const parcels: Parcel[] = [];
  const tooLarge: number[] = [];
  const seal = (shard: number, parcel: { indexes: number[]; frames: Buffer[] }) => {
    parcels.push({ shard, indexes: parcel.indexes, payload: Buffer.concat([...parcel.frames, trailer]) });
  };
  for (const index of options.indexes) {
    const item = items[index];
    if (!item) continue;
    if (item.framed.length > maxBytes) {
      tooLarge.push(index);
      continue;
    }
    const shard = item.dedupKey === '' ? keylessShard : shardOfKey(item.dedupKey, shardCount);
    let parcel = open.get(shard);
    if (parcel && parcel.bytes + item.framed.length > maxBytes) {
      seal(shard, parcel);
      parcel = undefined;
    }
    if (!parcel) {
      parcel = { indexes: [], frames: [], bytes: 0 };
      open.set(shard, parcel);
    }
    parcel.indexes.push(index);
    parcel.frames.push(item.framed);
    parcel.bytes += item.framed.length;
  }
  for (const [shard, parcel] of open) seal(shard, parcel);
  return { parcels, tooLarge };
}

/** What many requests say of their traces must not take the room of events. */
function frameTraceparents(traceparents: readonly string[]): Buffer {
  const frames: Buffer[] = [];
  let bytes = 0;
  for (const traceparent of traceparents) {
    const frame = frameTraceparent(traceparent);
    bytes += frame.length;
    if (bytes > MAX_TRACEPARENTS_BYTES) break;
    frames.push(frame);
  }
  return Buffer.concat(frames);
}
