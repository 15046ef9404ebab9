import { Outcome } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { type Clock, type Logger, MillraceError, type Tracing } from '@millrace/runtime';
import {
  type KnownEvent,
  type KnownEvents,
  type NatsLimits,
  type Publisher,
  type StreamRoom,
  shardSubject,
} from '@millrace/stores';
import { type CallInFlight, inFlightKeys, putInFlight } from '../dedup/in-flight.ts';
import type { AcceptMetrics } from '../metrics.ts';
import { type AcceptItem, packParcels } from './pack.ts';

/** An outcome for each item, and the original's id where an item is a duplicate. */
export interface AcceptResult {
  readonly outcomes: Uint8Array;
  readonly originalEventIds: Record<number, string>;
}

/** Makes events durable, each once. */
export interface Accept {
  /** Throws MillraceError `unavailable` when nothing is known to be stored. */
  accept(items: readonly AcceptItem[], traceparents: readonly string[]): Promise<AcceptResult>;
}

/** What `createAccept` works with. */
export interface AcceptDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly limits: NatsLimits;
  readonly known: KnownEvents;
  readonly room: Pick<StreamRoom, 'nearlyFull'>;
  readonly shardCount: number;
  readonly newMessageId: (nowMs: number) => string;
  readonly clock: Clock;
  readonly metrics: Pick<AcceptMetrics, 'published'>;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/**
 * Accepts in the one order that loses nothing: look the key up, publish, wait for the acknowledgement, then mark
 * the key, then answer. Duplicates that arrive while the original is in flight wait for its outcome.
 */
export function createAccept(deps: AcceptDeps): Accept {
  const inFlight = inFlightKeys();
  let turn = 0;
  return {
    async accept(items, traceparents) {
      if (deps.room.nearlyFull) throw new MillraceError('unavailable', 'the event store is nearly full');
      const call = putInFlight(inFlight, items);
      try {
        const result = await settle(deps, items, call, traceparents, turn++ % deps.shardCount);
        return result;
      } finally {
        call.release();
      }
    },
  };
}

async function settle(
  deps: AcceptDeps,
  items: readonly AcceptItem[],
  call: CallInFlight,
  traceparents: readonly string[],
  keylessShard: number,
): Promise<AcceptResult> {
  const outcomes = new Uint8Array(items.length).fill(Outcome.UNAVAILABLE);
  const originalEventIds: Record<number, string> = {};
  const answerDuplicate = (index: number, original: KnownEvent) => {
    outcomes[index] = original.bodyHash === items[index]?.bodyHash ? Outcome.DUPLICATE : Outcome.CONFLICT;
    originalEventIds[index] = original.eventId;
  };

  const fresh = await withoutKnown(deps.known, items, call, answerDuplicate);
  const failures: unknown[] = [];
  const { parcels, tooLarge } = packParcels({
    items,
    indexes: fresh,
    shardCount: deps.shardCount,
    keylessShard,
    traceparents,
    maxPayloadBytes: deps.limits.maxPayloadBytes,
  });
  if (tooLarge.length > 0) {
    call.failed(tooLarge);
    failures.push(refuseTooLarge(deps, items, tooLarge));
  }
  await Promise.all(
    parcels.map(async (parcel) => {
      try {
        await publish(deps, parcel.shard, parcel.payload, traceparents[0]);
        for (const index of parcel.indexes) outcomes[index] = Outcome.ACCEPTED;
        await mark(deps.known, items, parcel.indexes);
        call.succeeded(parcel.indexes);
      } catch (error) {
        failures.push(error);
        call.failed(parcel.indexes);
      }
    }),
  );
  for (const { index, original } of call.waiting) {
    const durable = await original;
    if (durable) answerDuplicate(index, durable);
  }
  const nothingStored = failures.length > 0 && outcomes.every((outcome) => outcome === Outcome.UNAVAILABLE);
  if (nothingStored) throw failures[0];
  return { outcomes, originalEventIds };
}

/** The items that no durable event is known for; the others are answered through `answerDuplicate`. */
async function withoutKnown(
  known: KnownEvents,
  items: readonly AcceptItem[],
  call: CallInFlight,
  answerDuplicate: (index: number, original: KnownEvent) => void,
): Promise<number[]> {
  if (call.keyed.length === 0) return call.keyless.slice();
  const looked = known.lookUp(call.keyed.map((index) => items[index]?.dedupKey ?? ''));
  const found = looked instanceof Promise ? await looked : looked;
  const fresh = call.keyless.slice();
  call.keyed.forEach((index, i) => {
    const original = found[i];
    if (!original) {
      fresh.push(index);
      return;
    }
    answerDuplicate(index, original);
    call.known(index, original);
  });
  return fresh.sort((a, b) => a - b);
}

async function publish(
  deps: AcceptDeps,
  shard: number,
  payload: Buffer,
  parent: string | undefined,
): Promise<void> {
  const subject = shardSubject({ count: deps.shardCount, index: shard });
  const span = deps.tracing.start('events publish', { kind: 'producer', parent, attributes: { subject } });
  const startedAt = deps.clock.monotonic();
  try {
    const messageId = deps.newMessageId(deps.clock.now());
    await deps.publisher.publish({ subject, payload, messageId, traceparent: span?.traceparent ?? parent });
    span?.end();
  } catch (error) {
    span?.end(error);
    throw error;
  } finally {
    deps.metrics.published((deps.clock.monotonic() - startedAt) / 1000);
  }
}

/** Says what must be changed: the edge lets such an event pass, so the server's setting is what is wrong. */
function refuseTooLarge(
  deps: AcceptDeps,
  items: readonly AcceptItem[],
  indexes: readonly number[],
): MillraceError {
  const bytes = Math.max(...indexes.map((index) => items[index]?.framed.length ?? 0));
  const { maxPayloadBytes } = deps.limits;
  deps.log.error(
    { events: indexes.length, bytes, maxPayloadBytes },
    'event is larger than max_payload of nats-server allows',
  );
  return new MillraceError(
    'unavailable',
    `an event of ${bytes} bytes is larger than the event store is set up for (${maxPayloadBytes} bytes in a message)`,
  );
}

function mark(
  known: KnownEvents,
  items: readonly AcceptItem[],
  indexes: readonly number[],
): void | Promise<void> {
  const entries: [string, KnownEvent][] = [];
  for (const index of indexes) {
    const item = items[index];
    if (item && item.dedupKey !== '')
      entries.push([item.dedupKey, { bodyHash: item.bodyHash, eventId: item.eventId }]);
  }
  return entries.length === 0 ? undefined : known.mark(entries);
}
