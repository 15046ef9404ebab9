import { FAILURE_STATUS, failureHeaders, failureMessage } from '../../request/problem/describe-failure.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

const DUPLICATE_MESSAGE = 'Duplicate event ignored';

/** Which of the two routes an answer is for. */
export type EmailRoute = 'single' | 'batch';

/** An event that is stored, and whether it was before. */
export interface StoredEmail {
  readonly emailHash: string;
  readonly isNew: boolean;
}

/** The answer to a single event. */
export function encodeEmail({ emailHash, isNew }: StoredEmail): Reply {
  const body = isNew
    ? { status: 'success', type: 'email', event_id: emailHash }
    : { status: 'success', message: DUPLICATE_MESSAGE };
  return { status: 200, body: JSON.stringify(body) };
}

/** The answer to a batch: an item for each event, in order. */
export function encodeEmailBatch(stored: readonly StoredEmail[]): Reply {
  const results = stored.map(({ emailHash, isNew }) =>
    isNew
      ? { status: 'success', type: 'email', email_hash: emailHash }
      : { status: 'success', message: DUPLICATE_MESSAGE, email_hash: emailHash },
  );
  const body = { status: 'success', batch: true, processed: results.length, results };
  return { status: 200, body: JSON.stringify(body) };
}

/** A failure as `{"status":"error","message","errors"?}`. */
export function encodeEmailFailure(failure: Failure, route: EmailRoute): Reply {
  if (failure.kind === 'conflict') return encodeEmail({ emailHash: failure.eventId, isNew: false });
  const body = { status: 'error', message: messageOf(failure, route), ...errorsOf(failure) };
  return { status: statusOf(failure), body: JSON.stringify(body), headers: failureHeaders(failure) };
}

/** A key that may not send events is no key for this API, whose document knows no 403. */
function statusOf(failure: Failure): number {
  return failure.kind === 'forbidden' ? 401 : FAILURE_STATUS[failure.kind];
}

function messageOf(failure: Failure, route: EmailRoute): string {
  switch (failure.kind) {
    case 'invalid':
    case 'malformed_json':
      return route === 'batch' ? 'Invalid batch email event schema' : 'Invalid email event schema';
    case 'missing_credential':
    case 'invalid_credential':
    case 'forbidden':
      return 'Invalid or missing API key';
    case 'unavailable':
      return 'Events can not be stored at the moment';
    default:
      return failureMessage(failure) ?? 'Request failed';
  }
}

function errorsOf(failure: Failure): { errors?: object[] } {
  switch (failure.kind) {
    case 'invalid':
      return { errors: failure.issues.map(toError) };
    case 'malformed_json':
      return { errors: [{ code: 'custom', message: failure.message, path: [] }] };
    default:
      return {};
  }
}

/** An issue as zod 3 wrote it; the order of its members is the documented one. */
function toError({ code, extra, message, path }: Issue): object {
  return code === 'invalid_type' ? { code, ...extra, path, message } : { code, ...extra, message, path };
}
