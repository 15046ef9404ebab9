import { create, toBinary } from '@bufbuild/protobuf';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import type { Clock, Logger } from '@millrace/runtime';
import {
  deadLetterSubject,
  type EventTable,
  type NatsLimits,
  type ParkedItem,
  type Publisher,
} from '@millrace/stores';
import { readEvent } from '@millrace/wire';
import type { Poison } from './batch.ts';

/** Puts aside what can't be stored, so that the rest can be. */
export type Park = (poison: readonly Poison[]) => Promise<void>;

/** Items that are parked at once, and their bytes. */
export const PART_ITEMS = 500;
const PART_BYTES = 8 * 1024 * 1024;
/** ClickHouse's words about an item may quote much of it. */
const MAX_DETAIL_CHARS = 1_000;
/** What a dead letter has around its body. */
const AROUND_BODY_BYTES = 8 * 1024;

/**
 * Parks in the stream `DEAD_LETTERS` and in `millrace.dead_letters`, before the position moves past the item.
 * A repeat after a crash has the same message id and the same row key.
 */
export function createParking(options: {
  publisher: Pick<Publisher, 'publish'>;
  table: Pick<EventTable, 'park'>;
  limits: NatsLimits;
  shard: number;
  clock: Clock;
  log: Logger;
  onParked: (reason: string) => void;
}): Park {
  const { shard, publisher, table, limits, clock, log } = options;
  return async (poison) => {
    const parkedAtMs = clock.now();
    const items = poison.map((one) => ({
      ...one,
      ...belongings(one),
      detail: one.detail.slice(0, MAX_DETAIL_CHARS),
      shard,
      parkedAtMs,
    }));
    await Promise.all(
      items.map((item) =>
        publisher.publish({
          subject: deadLetterSubject(shard),
          payload: encode(item, limits.maxPayloadBytes - AROUND_BODY_BYTES),
          messageId: `dead-letter:${shard}:${item.seq}:${item.index}:${item.reason}`,
        }),
      ),
    );
    await table.park(items);
    for (const { seq, index, reason } of items) {
      log.error({ shard, seq, index, reason }, 'event parked as a dead letter');
      options.onParked(reason);
    }
  };
}

const MAX_ID_CHARS = 255;

/** Whose it is, and which. A whole message is nobody's: it may have events of many workspaces. */
function belongings({ reason, body }: Poison): Pick<ParkedItem, 'workspaceId' | 'eventId' | 'eventType'> {
  if (reason === 'malformed_envelope') return { workspaceId: '', eventId: '', eventType: '' };
  const { workspaceId, eventId, eventType } = readEvent(body);
  return {
    workspaceId: workspaceId.length <= MAX_ID_CHARS ? workspaceId : '',
    eventId: eventId.slice(0, MAX_ID_CHARS).toWellFormed(),
    eventType: eventType.slice(0, MAX_ID_CHARS).toWellFormed(),
  };
}

/** The message; a body that the server doesn't take is cut there, and whole in the table alone. */
function encode(item: ParkedItem, maxBodyBytes: number): Uint8Array {
  const cut = item.body.length > maxBodyBytes;
  return toBinary(
    DeadLetterSchema,
    create(DeadLetterSchema, {
      ...item,
      seq: BigInt(item.seq),
      parkedAtMs: BigInt(item.parkedAtMs),
      ...(cut
        ? {
            body: item.body.subarray(0, Math.max(0, maxBodyBytes)),
            detail: `${item.detail} (body cut from ${item.body.length} bytes)`,
          }
        : {}),
    }),
  );
}

/** Cuts what is parked at once into parts that the stream and the table take in one go. */
export function* parkingParts(poison: readonly Poison[]): Generator<Poison[]> {
  let part: Poison[] = [];
  let bytes = 0;
  for (const item of poison) {
    if (part.length === PART_ITEMS || (part.length > 0 && bytes + item.body.length > PART_BYTES)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += item.body.length;
  }
  if (part.length > 0) yield part;
}
