import type { EventSink, SubmitOutcome } from '../../ingest/submit.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import { problemReply } from '../../request/problem/encode-problem.ts';
import type { Reply } from '../../server/exchange.ts';
import type { CheckedEvent, FieldError } from './new-event.ts';

/** One line of an itemized answer. */
export interface ItemResult {
  readonly index: number;
  readonly id: string;
  readonly status: 'accepted' | 'duplicate' | 'conflict' | 'invalid' | 'unavailable';
  readonly error?: FieldError;
}

const RETRY_AFTER_SECONDS = 1;

/**
 * The answer to a batch: `{results, accepted, duplicates, conflicts, invalid, unavailable}`.
 * 202 when every event is stored, 207 when some are; when none is, a problem that carries the same members:
 * 503 where a retry can help, else 409 for a conflict, else 400.
 */
export function itemizedReply(results: readonly ItemResult[]): Reply {
  const counts = { accepted: 0, duplicate: 0, conflict: 0, invalid: 0, unavailable: 0 };
  for (const { status } of results) counts[status]++;
  const body = {
    results,
    accepted: counts.accepted,
    duplicates: counts.duplicate,
    conflicts: counts.conflict,
    invalid: counts.invalid,
    unavailable: counts.unavailable,
  };
  const stored = counts.accepted + counts.duplicate;
  if (stored === results.length) return { status: 202, body: JSON.stringify(body) };
  if (stored > 0) return { status: 207, body: JSON.stringify(body) };
  if (counts.unavailable > 0) {
    const detail = 'no event is stored, send those that are unavailable again';
    return problemReply({ status: 503, detail, code: 'unavailable', ...body }, [
      'retry-after',
      String(RETRY_AFTER_SECONDS),
    ]);
  }
  if (counts.conflict > 0) {
    const detail = 'other events were accepted before under these ids';
    return problemReply({ status: 409, detail, code: 'conflict', ...body });
  }
  return problemReply({ status: 400, detail: 'no event is valid', code: 'invalid', ...body });
}

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
