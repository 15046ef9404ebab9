import type { Issue } from '../server/failure.ts';
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

/** What became of an event that is judged by itself: `invalid` by the schema of its name, for example. */
export type EachOutcome = SubmitOutcome | { readonly kind: 'invalid'; readonly issue: Issue };

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
