import type { CanonicalEvent } from './canonical-event.ts';

/** What became of an event. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly eventId: string }
  /** The same event was accepted before; `eventId` is what the first copy was answered. */
  | { readonly kind: 'duplicate'; readonly eventId: string }
  /** Another event was accepted before under the same id; this one was dropped. */
  | { readonly kind: 'conflict'; readonly eventId: string }
  /** Not known to be stored. */
  | { readonly kind: 'unavailable' };

/** Where decoded events go. Answers when each is durable. */
export interface EventSink {
  /** Throws MillraceError `unavailable` or `resource_exhausted` when nothing is known to be stored. */
  submit(event: CanonicalEvent, traceparent?: string): Promise<SubmitOutcome>;
  /** One outcome an event, in order; throws like `submit`. */
  submitAll(events: readonly CanonicalEvent[], traceparent?: string): Promise<readonly SubmitOutcome[]>;
}
