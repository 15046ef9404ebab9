import { z } from 'zod';
import type { EventSink, SubmitOutcome } from '../../ingest/submit.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import { PROBLEM_TYPE, problemOf, problemWith } from '../../request/problem/encode-problem.ts';
import { jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { RouteDocumentation } from '../../server/route.ts';
import type { CheckedEvent, FieldError } from './new-event.ts';

/** One line of an itemized answer. */
const itemResult = z
  .strictObject({
    index: z.int().min(0),
    id: z.string(),
    status: z.enum(['accepted', 'duplicate', 'conflict', 'invalid', 'unavailable']),
    error: z.strictObject({ field: z.string(), issue: z.string() }).optional(),
  })
  .meta({ id: 'EventResult' });

const items = {
  results: z.array(itemResult).describe('In the order of the events'),
  accepted: z.int().min(0),
  duplicates: z.int().min(0),
  conflicts: z.int().min(0),
  invalid: z.int().min(0),
  unavailable: z.int().min(0),
};

/** The body where some event of a batch is stored. */
export const eventResults = z.strictObject(items).meta({ id: 'EventResults' });

/** The body where no event of a batch is stored. */
export const eventResultsProblem = problemWith('EventResultsProblem', items);

const RETRY_AFTER_SECONDS = 1;

/**
 * The answer to a batch: `{results, accepted, duplicates, conflicts, invalid, unavailable}`.
 * 202 when every event is stored, 207 when some are; when none is, a problem that carries the same members:
 * 503 where a retry can help, else 409 for a conflict, else 400.
 */
export function itemizedReply(results: z.output<typeof itemResult>[]): Reply {
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
  if (stored === results.length) return jsonReply(eventResults, 202, body);
  if (stored > 0) return jsonReply(eventResults, 207, body);
  if (counts.unavailable > 0) {
    const detail = 'no event is stored, send those that are unavailable again';
    const headers = ['content-type', PROBLEM_TYPE, 'retry-after', String(RETRY_AFTER_SECONDS)];
    const failed = { ...problemOf(503, 'unavailable', detail), ...body };
    return jsonReply(eventResultsProblem, 503, failed, headers);
  }
  const failed =
    counts.conflict > 0
      ? problemOf(409, 'conflict', 'other events were accepted before under these ids')
      : problemOf(400, 'invalid', 'no event is valid');
  const headers = ['content-type', PROBLEM_TYPE];
  return jsonReply(eventResultsProblem, failed.status, { ...failed, ...body }, headers);
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

const NO_RESULTS = { results: [], accepted: 0, duplicates: 0, conflicts: 0, invalid: 0, unavailable: 0 };
const NOT_STORED = { schema: eventResultsProblem, contentTypes: [PROBLEM_TYPE] };

/** What the document says of `itemizedReply`. */
export const ITEMIZED_RESPONSES = {
  202: {
    description: 'Every event is durable',
    schema: eventResults,
    example: {
      ...NO_RESULTS,
      results: [
        { index: 0, id: 'evt_1', status: 'accepted' },
        { index: 1, id: 'evt_0', status: 'duplicate' },
      ],
      accepted: 1,
      duplicates: 1,
    },
  },
  207: {
    description: 'Some events are durable; see each result',
    schema: eventResults,
    example: {
      ...NO_RESULTS,
      results: [
        { index: 0, id: 'evt_1', status: 'accepted' },
        { index: 1, id: '', status: 'invalid', error: { field: 'type', issue: 'Required' } },
      ],
      accepted: 1,
      invalid: 1,
    },
  },
  400: { description: 'The body is not valid, or none of its events is', ...NOT_STORED },
  409: { description: 'Other events were accepted before under all of these ids', ...NOT_STORED },
  503: { description: 'Nothing is known to be stored: send it again', ...NOT_STORED },
} satisfies RouteDocumentation['responses'];
