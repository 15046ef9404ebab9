import type { EventSink, SubmitOutcome } from '../../ingest/event-sink.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import type { CheckedEvent, FieldError } from './new-event.ts';

/** What became of one event of a request. */
export type EventVerdict =
  | { readonly status: SubmitOutcome['kind']; readonly id: string }
  | { readonly status: 'invalid'; readonly id: string; readonly error: FieldError };

/**
 * Submits the valid events and gives each its verdict, in order: a bad event never spoils its neighbours.
 * Throws like `EventSink.submitEach` when nothing is known to be stored.
 */
export async function ingestEvents(
  checked: readonly CheckedEvent[],
  sink: EventSink,
  traceparent: string | undefined,
): Promise<EventVerdict[]> {
  const events = checked.flatMap((one) => (one.kind === 'valid' ? [one.event] : []));
  const outcomes = events.length > 0 ? await sink.submitEach(events, traceparent) : [];
  let next = 0;
  return checked.map((one) => {
    if (one.kind === 'invalid') return { id: one.id, status: 'invalid', error: one.error };
    const outcome = outcomes[next++] ?? { kind: 'unavailable' };
    if (outcome.kind === 'invalid') {
      const { path, message } = outcome.issue;
      // Only an id of the client's own tells it which event is meant.
      const id = one.event.identity === undefined ? '' : one.event.eventId;
      return { id, status: 'invalid', error: { field: fieldOf(path), issue: message } };
    }
    const id = 'eventId' in outcome ? outcome.eventId : one.event.eventId;
    return { id, status: outcome.kind };
  });
}
