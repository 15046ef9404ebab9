import {
  bodyHash,
  dedupKey,
  encodeEvent,
  frameItem,
  MAX_EVENT_BYTES,
  MAX_ITEM_BYTES,
  NO_BODY_HASH,
} from '@millrace/wire';
import type { AcceptItem } from '../clients/ingest.ts';
import { type Issue, RequestFailure } from '../server/failure.ts';
import type { CanonicalEvent, DialectName } from './canonical-event.ts';
import type { Coalescer } from './coalesce.ts';

/** Counts what became of events. */
export interface SubmitMetrics {
  accepted(dialect: DialectName): void;
  duplicate(): void;
}

/** Encodes each event once, and hands it to ingest together with what else arrives. */
export function createEventSink(deps: { coalescer: Coalescer; metrics: SubmitMetrics }): EventSink {
  const { coalescer, metrics } = deps;
  const count = (event: CanonicalEvent, outcome: SubmitOutcome) => {
    if (outcome.kind === 'accepted') metrics.accepted(event.dialect);
    else if (outcome.kind === 'duplicate' || outcome.kind === 'conflict') metrics.duplicate();
  };
  const submitAll = async (
    events: readonly CanonicalEvent[],
    traceparent?: string,
  ): Promise<readonly SubmitOutcome[]> => {
    if (events.length === 0) return [];
    const outcomes = await coalescer.add(events.map(toItem), traceparent);
    events.forEach((event, i) => {
      const outcome = outcomes[i];
      if (outcome) count(event, outcome);
    });
    return outcomes;
  };
  return {
    async submit(event, traceparent) {
      const [outcome = { kind: 'unavailable' }] = await coalescer.add([toItem(event)], traceparent);
      count(event, outcome);
      return outcome;
    },
    submitAll,
    submitEach: submitAll,
  };
}

function toItem(event: CanonicalEvent): AcceptItem {
  const { identity, eventId } = event;
  const key = identity ? dedupKey(event.workspaceId, identity) : '';
  const hash = identity ? bodyHash(identity.content) : NO_BODY_HASH;
  const framed = frameItem({ event: encodeEvent(event, key), dedupKey: key, bodyHash: hash, eventId });
  if (framed.length > MAX_ITEM_BYTES) {
    // Base64 and the escapes of JSON make what is stored larger than what was sent.
    const message = `The event takes ${framed.length} bytes as it is stored, which is more than ${MAX_ITEM_BYTES}`;
    throw new RequestFailure({ kind: 'too_large', limitBytes: MAX_EVENT_BYTES, message });
  }
  return { framed, dedupKey: key, bodyHash: hash, eventId };
}

/** What became of an event. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly eventId: string }
  /** The same event was accepted before; `eventId` is what the original was answered. */
  | { readonly kind: 'duplicate'; readonly eventId: string }
  /** Another event was accepted before under the same id; this one was dropped. */
  | { readonly kind: 'conflict'; readonly eventId: string }
  /** Not known to be stored. */
  | { readonly kind: 'unavailable' };

/** What became of an event that is judged by itself: `invalid` by the schema of its name, for example. */
type EachOutcome = SubmitOutcome | { readonly kind: 'invalid'; readonly issue: Issue };

/** Where decoded events go. Answers when each is durable. */
export interface EventSink {
  /**
   * Throws MillraceError `unavailable` when nothing is known to be stored, and RequestFailure `invalid`
   * for an event that violates the schema of its name.
   */
  submit(event: CanonicalEvent, traceparent?: string): Promise<SubmitOutcome>;
  /** One outcome an event, in order; throws like `submit`, and then has submitted none of them. */
  submitAll(events: readonly CanonicalEvent[], traceparent?: string): Promise<readonly SubmitOutcome[]>;
  /** Like `submitAll`, but a bad event doesn't spoil its neighbours. */
  submitEach(events: readonly CanonicalEvent[], traceparent?: string): Promise<readonly EachOutcome[]>;
}
