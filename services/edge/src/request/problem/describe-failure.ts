import type { Failure, Issue } from '../../server/failure.ts';
import { FAILURE_STATUS, failureHeaders, failureMessage } from '../failure-status.ts';

/** A failure in HTTP's terms. */
export interface FailureDescription {
  readonly status: number;
  /** For the caller; nothing of a cause. */
  readonly detail: string;
  /** Flat name, value …; those that go with the status. */
  readonly headers: readonly string[];
}

const UNAUTHORIZED_HEADERS = ['www-authenticate', 'Bearer'];

/** The status, words and headers of a failure, for dialects whose documents prescribe no words. */
export function describeFailure(failure: Failure): FailureDescription {
  const status = FAILURE_STATUS[failure.kind];
  const headers = status === 401 ? UNAUTHORIZED_HEADERS : failureHeaders(failure);
  const ownWords = failure.kind === 'not_found' ? failure.message : undefined;
  return { status, detail: ownWords ?? failureMessage(failure) ?? detailOf(failure), headers };
}

/** A path as people write it: `events[3].userId`. */
export function fieldOf(path: Issue['path']): string {
  let field = '';
  for (const part of path) {
    if (typeof part === 'number') field += `[${part}]`;
    else field += field === '' ? part : `.${part}`;
  }
  return field;
}

function detailOf(failure: Failure): string {
  switch (failure.kind) {
    case 'invalid':
      return summary(failure.issues[0]);
    case 'missing_credential':
      return 'The request has no credential';
    case 'invalid_credential':
      return 'The credential is not valid here, expired or revoked';
    case 'forbidden':
      return `The credential lacks the permission ${failure.permission}`;
    case 'conflict':
      return `Another event was accepted before as ${failure.eventId}`;
    case 'unavailable':
      return 'Not available now, try again';
    default:
      return 'The request failed';
  }
}

function summary(issue: Issue): string {
  const field = fieldOf(issue.path);
  return field === '' ? issue.message : `${field}: ${issue.message}`;
}
