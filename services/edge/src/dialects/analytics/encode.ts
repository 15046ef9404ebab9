import type { SubmitOutcome } from '../../ingest/submit.ts';
import {
  FAILURE_CODE,
  FAILURE_STATUS,
  failureHeaders,
  failureMessage,
  fieldOf,
} from '../../request/problem/describe-failure.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

/** The answer to a single event that is stored, now or before. */
export function encodeOutcome(isNew: boolean, eventId: string): Reply {
  const id = JSON.stringify(eventId);
  return isNew
    ? {
        status: 202,
        body: `{"success":true,"data":{"eventId":${id},"accepted":true,"duplicate":false,"message":"Event accepted for processing"}}`,
      }
    : {
        status: 200,
        body: `{"success":true,"data":{"eventId":${id},"accepted":false,"duplicate":true,"message":"Event already processed (duplicate)"}}`,
      };
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
  };
  return { status: 202, body: JSON.stringify({ success: true, data }) };
}

/** The answer of the statistics route. */
export function encodeStats(stats: { ratePerSecond: number; total: number }, nowMs: number): Reply {
  const data = {
    ingestionRate: stats.ratePerSecond,
    totalIngested: stats.total,
    timestamp: new Date(nowMs).toISOString(),
  };
  return { status: 200, body: JSON.stringify({ success: true, data }) };
}

/** A failure as `{"success":false,"error":{"code","message","details"?}}`. */
export function encodeAnalyticsFailure(failure: Failure): Reply {
  // No 409 is documented: what is stored under this id is what a duplicate's answer speaks of.
  if (failure.kind === 'conflict') return encodeOutcome(false, failure.eventId);
  const error = { code: CODES[failure.kind], message: messageOf(failure), ...issueDetails(failure) };
  return {
    status: FAILURE_STATUS[failure.kind],
    body: JSON.stringify({ success: false, error }),
    headers: failureHeaders(failure),
  };
}

const CODES: Readonly<Record<Failure['kind'], string>> = {
  ...FAILURE_CODE,
  missing_credential: 'MISSING_API_KEY',
  invalid_credential: 'INVALID_API_KEY',
  internal: 'INGESTION_ERROR',
  unavailable: 'INGESTION_ERROR',
};

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
