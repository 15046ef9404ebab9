import { z } from 'zod';
import type { SubmitOutcome } from '../../ingest/submit.ts';
import {
  FAILURE_CODE,
  FAILURE_STATUS,
  failureHeaders,
  failureMessage,
  fieldOf,
} from '../../request/problem/describe-failure.ts';
import { codeIn, instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

const CODES = {
  ...FAILURE_CODE,
  missing_credential: 'MISSING_API_KEY',
  invalid_credential: 'INVALID_API_KEY',
  internal: 'INGESTION_ERROR',
  unavailable: 'INGESTION_ERROR',
} as const satisfies Record<Failure['kind'], string>;

const ACCEPTED_MESSAGE = 'Event accepted for processing';
const DUPLICATE_MESSAGE = 'Event already processed (duplicate)';

/** The body of 202 to a single event. */
export const analyticsAccepted = z
  .strictObject({
    success: z.literal(true),
    data: z.strictObject({
      eventId: z.string(),
      accepted: z.literal(true),
      duplicate: z.literal(false),
      message: z.literal(ACCEPTED_MESSAGE),
    }),
  })
  .meta({ id: 'AnalyticsAccepted' });

/** The body of 200 to a single event. */
export const analyticsDuplicate = z
  .strictObject({
    success: z.literal(true),
    data: z.strictObject({
      eventId: z.string(),
      accepted: z.literal(false),
      duplicate: z.literal(true),
      message: z.literal(DUPLICATE_MESSAGE),
    }),
  })
  .meta({ id: 'AnalyticsDuplicate' });

/** The body of 202 to a batch. */
export const analyticsBatchAccepted = z
  .strictObject({
    success: z.literal(true),
    data: z.strictObject({
      accepted: z.int().min(0),
      duplicates: z.int().min(0),
      total: z.int().min(1),
      eventIds: z.array(z.string()),
      message: z.enum(['All events were duplicates', 'Batch processed successfully']),
    }),
  })
  .meta({ id: 'AnalyticsBatchAccepted' });

/** The body of the statistics. */
export const analyticsStats = z
  .strictObject({
    success: z.literal(true),
    data: z.strictObject({
      ingestionRate: z.number().min(0).describe('Events a second over the last 60 seconds'),
      totalIngested: z.number().min(0),
      timestamp: instant(),
    }),
  })
  .meta({ id: 'AnalyticsStats' });

/** The members of this API's errors beside the code. */
export const errorDetails = z
  .array(z.strictObject({ field: z.string(), code: z.string(), message: z.string() }))
  .optional();

/** The body of an error. */
export const analyticsError = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({ code: codeIn(CODES), message: z.string(), details: errorDetails }),
  })
  .meta({ id: 'AnalyticsError' });

/** The answer to a single event that is stored, now or before. */
export function encodeOutcome(isNew: boolean, eventId: string): Reply {
  return isNew
    ? jsonReply(analyticsAccepted, 202, {
        success: true,
        data: { eventId, accepted: true, duplicate: false, message: ACCEPTED_MESSAGE },
      })
    : jsonReply(analyticsDuplicate, 200, {
        success: true,
        data: { eventId, accepted: false, duplicate: true, message: DUPLICATE_MESSAGE },
      });
}

/** The answer to a batch of which every event is stored. */
export function encodeBatch(outcomes: readonly Exclude<SubmitOutcome, { kind: 'unavailable' }>[]): Reply {
  const eventIds: string[] = [];
  for (const outcome of outcomes) if (outcome.kind === 'accepted') eventIds.push(outcome.eventId);
  const data = {
    accepted: eventIds.length,
    duplicates: outcomes.length - eventIds.length,
    total: outcomes.length,
    eventIds,
    message: eventIds.length === 0 ? 'All events were duplicates' : 'Batch processed successfully',
  } as const;
  return jsonReply(analyticsBatchAccepted, 202, { success: true, data });
}

/** The answer of the statistics route. */
export function encodeStats(stats: { ratePerSecond: number; total: number }, nowMs: number): Reply {
  const data = {
    ingestionRate: stats.ratePerSecond,
    totalIngested: stats.total,
    timestamp: new Date(nowMs).toISOString(),
  };
  return jsonReply(analyticsStats, 200, { success: true, data });
}

/** A failure as `{"success":false,"error":{"code","message","details"?}}`. */
export function encodeAnalyticsFailure(failure: Failure): Reply {
  // No 409 is documented: what is stored under this id is what a duplicate's answer speaks of.
  if (failure.kind === 'conflict') return encodeOutcome(false, failure.eventId);
  const error = { code: CODES[failure.kind], message: messageOf(failure), ...issueDetails(failure) };
  const body = { success: false, error } as const;
  return jsonReply(analyticsError, FAILURE_STATUS[failure.kind], body, failureHeaders(failure));
}

function messageOf(failure: Failure): string {
  switch (failure.kind) {
    case 'invalid':
      return describe(failure.issues[0]);
    case 'missing_credential':
      return 'x-api-key header is missing';
    case 'invalid_credential':
      return 'API key is invalid or expired';
    case 'forbidden':
      return `Insufficient permissions: ${failure.permission} is required`;
    case 'unavailable':
      return 'Events can not be stored at the moment';
    default:
      return failureMessage(failure) ?? 'Request failed';
  }
}

/** The first issue in one sentence; in a batch with the index of the bad event. */
function describe(issue: Issue): string {
  const [first, index, ...rest] = issue.path;
  const isInBatch = first === 'events' && typeof index === 'number';
  const field = fieldOf(isInBatch ? rest : issue.path);
  const problem = issue.message === 'Required' ? `${field} is required` : issue.message;
  const words = field === '' || issue.message === 'Required' ? problem : `${field}: ${problem}`;
  return isInBatch ? `Invalid event at index ${index}: ${words}` : `Invalid event payload: ${words}`;
}

/** Issues that an answer lists: a client mends the first few, and a hostile body must not make a large answer. */
const MAX_DETAILS = 20;

/** The `details` of an error of this API: `[{field, code, message}]` for an invalid body, nothing otherwise. */
export function issueDetails(failure: Failure): {
  details?: { field: string; code: string; message: string }[];
} {
  if (failure.kind !== 'invalid') return {};
  const issues = failure.issues.slice(0, MAX_DETAILS);
  return { details: issues.map(({ path, code, message }) => ({ field: fieldOf(path), code, message })) };
}
