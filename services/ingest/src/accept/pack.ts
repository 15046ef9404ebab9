import { Buffer } from 'node:buffer';
import { shardOfKey } from '@millrace/stores';
import { type EnvelopeItem, frameTraceparent } from '@millrace/wire';

/** What accept needs of an envelope's item. */
export type AcceptItem = Pick<EnvelopeItem, 'framed' | 'dedupKey' | 'bodyHash' | 'eventId'>;

/** Items that travel in one message. */
export interface Parcel {
  readonly shard: number;
  /** Places in the request. */
  readonly indexes: readonly number[];
  readonly payload: Buffer;
}

/** Largest message, in bytes: the server takes 8 MiB. */
export const MAX_PARCEL_BYTES = 4 * 1024 * 1024;

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
}): Parcel[] {
  const { items, shardCount, keylessShard } = options;
  const trailer = options.traceparents.map(frameTraceparent);
  const trailerBytes = trailer.reduce((sum, frame) => sum + frame.length, 0);
  const open = new Map<number, { indexes: number[]; frames: Buffer[]; bytes: number }>();
  const parcels: Parcel[] = [];
  const seal = (shard: number, parcel: { indexes: number[]; frames: Buffer[]; bytes: number }) => {
    parcels.push({ shard, indexes: parcel.indexes, payload: Buffer.concat([...parcel.frames, ...trailer]) });
  };
  for (const index of options.indexes) {
    const item = items[index];
    if (!item) continue;
    const shard = item.dedupKey === '' ? keylessShard : shardOfKey(item.dedupKey, shardCount);
    let parcel = open.get(shard);
    if (parcel && parcel.bytes + item.framed.length > MAX_PARCEL_BYTES) {
      seal(shard, parcel);
      parcel = undefined;
    }
    if (!parcel) {
      parcel = { indexes: [], frames: [], bytes: trailerBytes };
      open.set(shard, parcel);
    }
    parcel.indexes.push(index);
    parcel.frames.push(item.framed);
    parcel.bytes += item.framed.length;
  }
  for (const [shard, parcel] of open) seal(shard, parcel);
  return parcels;
}
