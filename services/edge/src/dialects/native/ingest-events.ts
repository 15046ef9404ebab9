import type { EventSink, SubmitOutcome } from '../../events/event-sink.ts';
import type { CheckedEvent, FieldError } from './new-event.ts';

/** What became of one event of a request. */
export type EventVerdict =
  | { readonly status: SubmitOutcome['kind']; readonly id: string }
  | { readonly status: 'invalid'; readonly id: string; readonly error: FieldError };

/**
 * Submits the valid events and gives each its verdict, in order: a bad event never spoils its neighbours.
 * Throws like `EventSink.submitAll` when nothing is known to be stored.
 */
export async function ingestEvents(
  checked: readonly CheckedEvent[],
  sink: EventSink,
  traceparent: string | undefined,
): Promise<EventVerdict[]> {
  const events = checked.flatMap((one) => (one.kind === 'valid' ? [one.event] : []));
  const outcomes = events.length > 0 ? await sink.submitAll(events, traceparent) : [];
  let next = 0;
  return checked.map((one) => {
    if (one.kind === 'invalid') return { id: one.id, status: 'invalid', error: one.error };
    const outcome = outcomes[next++] ?? { kind: 'unavailable' };
    const id = 'eventId' in outcome ? outcome.eventId : one.event.eventId;
    return { id, status: outcome.kind };
  });
}
