import { create, toBinary } from '@bufbuild/protobuf';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import type { Clock, Logger } from '@millrace/runtime';
import { deadLetterSubject, type Publisher } from '@millrace/stores';
import type { Poison } from './batch.ts';
import type { EventTable } from './ports.ts';

/** Puts aside what can't be stored, so that the rest can be. */
export type Park = (poison: Poison) => Promise<void>;

/**
 * Parks in the stream `DEAD_LETTERS` and in `millrace.dead_letters`, before the position moves past the item.
 * A repeat after a crash has the same message id and the same row key.
 */
export function createParking(options: {
  publisher: Pick<Publisher, 'publish'>;
  table: Pick<EventTable, 'park'>;
  shard: number;
  clock: Clock;
  log: Logger;
  onParked: (reason: string) => void;
}): Park {
  const { shard } = options;
  return async (poison) => {
    const { seq, index, reason } = poison;
    const item = { ...poison, shard, parkedAtMs: options.clock.now() };
    await options.publisher.publish({
      subject: deadLetterSubject(shard),
      payload: toBinary(
        DeadLetterSchema,
        create(DeadLetterSchema, { ...item, seq: BigInt(seq), parkedAtMs: BigInt(item.parkedAtMs) }),
      ),
      messageId: `dead-letter:${shard}:${seq}:${index}:${reason}`,
    });
    await options.table.park(item);
    options.log.error({ shard, seq, index, reason }, 'event parked as a dead letter');
    options.onParked(reason);
  };
}
