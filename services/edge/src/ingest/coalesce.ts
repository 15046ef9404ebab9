import { Outcome } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AcceptItem, IngestGateway } from '../clients/ingest.ts';
import type { SubmitOutcome } from './submit.ts';

/** Calls to ingest at once: while so many are under way, what arrives gathers for the next. */
const MAX_CALLS = 4;
/** Events in a call. */
const MAX_CALL_ITEMS = 1_000;
/** Bytes in a call; the stream takes messages of 4 MiB. */
const MAX_CALL_BYTES = 3_500_000;
/** Bytes that may wait; beyond that a caller is told to come back. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Longest that a caller waits, in the queue and in a call together, in milliseconds. */
const ANSWER_WITHIN_MS = 8_000;
const SWEEP_MS = 250;

/** Items that must be answered together. */
interface Group {
  readonly arrivedAt: number;
  readonly items: readonly AcceptItem[];
  readonly bytes: number;
  readonly traceparent: string | undefined;
  readonly resolve: (outcomes: SubmitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers the events of many requests into few calls. */
export interface Coalescer {
  /** Throws MillraceError `unavailable` when no answer comes within 8 s and when too much waits. */
  add(items: readonly AcceptItem[], traceparent: string | undefined): Promise<SubmitOutcome[]>;
  /** Resolves when nothing waits and no call is under way. */
  idle(): Promise<void>;
}

/**
 * What arrives within one turn of the event loop travels as one call: a call for each event would cost three times
 * as much as everything else that is done for it.
 */
export function createCoalescer(ingest: IngestGateway, clock: Pick<Clock, 'monotonic'>): Coalescer {
  const underWay = new Set<readonly Group[]>();
  let waiting: Group[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let sweeping: NodeJS.Timeout | undefined;
  let idleWaiters: (() => void)[] = [];

  const schedule = () => {
    if (scheduled || underWay.size >= MAX_CALLS || waiting.length === 0) return;
    scheduled = true;
    setImmediate(flush);
  };

  const flush = () => {
    scheduled = false;
    while (underWay.size < MAX_CALLS && waiting.length > 0) send(takeBatch());
  };

  const takeBatch = (): Group[] => {
    let items = 0;
    let bytes = 0;
    let count = 0;
    for (const group of waiting) {
      const tooMuch = items + group.items.length > MAX_CALL_ITEMS || bytes + group.bytes > MAX_CALL_BYTES;
      if (count > 0 && tooMuch) break;
      items += group.items.length;
      bytes += group.bytes;
      count++;
    }
    const batch = waiting.slice(0, count);
    waiting = count === waiting.length ? [] : waiting.slice(count);
    waitingBytes -= bytes;
    return batch;
  };

  const send = (batch: Group[]) => {
    underWay.add(batch);
    deliver(ingest, batch).finally(() => {
      underWay.delete(batch);
      if (waiting.length > 0) schedule();
      else if (underWay.size === 0) {
        clearInterval(sweeping);
        sweeping = undefined;
        for (const wake of idleWaiters) wake();
        idleWaiters = [];
      }
    });
  };

  /** A call that hangs holds up those behind it, so the time that counts is the caller's. */
  const sweep = () => {
    const late = clock.monotonic() - ANSWER_WITHIN_MS;
    const giveUp = (group: Group) => {
      if (group.arrivedAt > late) return;
      group.reject(new MillraceError('unavailable', 'the event store did not answer in time'));
    };
    for (const batch of underWay) for (const group of batch) giveUp(group);
    for (const group of waiting) giveUp(group);
    const kept = waiting.filter((group) => group.arrivedAt > late);
    if (kept.length === waiting.length) return;
    waiting = kept;
    waitingBytes = kept.reduce((sum, group) => sum + group.bytes, 0);
  };

  return {
    add(items, traceparent) {
      let bytes = 0;
      for (const item of items) bytes += item.framed.length;
      if (waitingBytes + bytes > MAX_WAITING_BYTES) {
        return Promise.reject(new MillraceError('unavailable', 'too many events are waiting'));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ arrivedAt: clock.monotonic(), items, bytes, traceparent, resolve, reject });
        waitingBytes += bytes;
        sweeping ??= setInterval(sweep, SWEEP_MS);
        schedule();
      });
    },
    idle: () =>
      underWay.size === 0 && waiting.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => idleWaiters.push(resolve)),
  };
}

async function deliver(ingest: IngestGateway, batch: readonly Group[]): Promise<void> {
  try {
    const items = batch.length === 1 ? (batch[0]?.items ?? []) : batch.flatMap((group) => group.items);
    const traceparents = batch.flatMap((group) => group.traceparent ?? []);
    const outcomes = await acceptInParts(ingest, items, traceparents);
    let from = 0;
    for (const group of batch) {
      group.resolve(outcomes.slice(from, from + group.items.length));
      from += group.items.length;
    }
  } catch (error) {
    for (const group of batch) group.reject(error);
  }
}

/** A group may be larger than a call; then it is cut, and the parts go one after the other. */
async function acceptInParts(
  ingest: IngestGateway,
  items: readonly AcceptItem[],
  traceparents: readonly string[],
): Promise<SubmitOutcome[]> {
  const outcomes: SubmitOutcome[] = [];
  let from = 0;
  while (from < items.length) {
    let to = from;
    let bytes = 0;
    while (to < items.length && to - from < MAX_CALL_ITEMS) {
      bytes += items[to]?.framed.length ?? 0;
      if (to > from && bytes > MAX_CALL_BYTES) break;
      to++;
    }
    const part = from === 0 && to === items.length ? items : items.slice(from, to);
    try {
      const result = await ingest.accept(part, traceparents);
      part.forEach((item, i) => {
        outcomes.push(toOutcome(result.outcomes[i], result.originalEventIds[i] ?? item.eventId));
      });
    } catch (error) {
      // Earlier parts are stored: the caller must learn which, so only the rest is unavailable.
      if (from === 0) throw error;
      for (let i = from; i < items.length; i++) outcomes.push({ kind: 'unavailable' });
      return outcomes;
    }
    from = to;
  }
  return outcomes;
}

function toOutcome(outcome: number | undefined, eventId: string): SubmitOutcome {
  switch (outcome) {
    case Outcome.ACCEPTED:
      return { kind: 'accepted', eventId };
    case Outcome.DUPLICATE:
      return { kind: 'duplicate', eventId };
    case Outcome.CONFLICT:
      return { kind: 'conflict', eventId };
    case Outcome.UNAVAILABLE:
      return { kind: 'unavailable' };
    default:
      throw new MillraceError('internal', 'ingest answered an unknown outcome');
  }
}
