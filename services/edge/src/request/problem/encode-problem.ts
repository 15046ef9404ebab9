import { STATUS_CODES } from 'node:http';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';
import { describeFailure, fieldOf } from './describe-failure.ts';

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/**
 * A failure as RFC 9457 problem details: `{type, title, status, detail, code}`, and `errors: [{field, code, detail}]`
 * where the request itself is wrong. Nothing of a cause is shown.
 */
export function encodeProblem(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const errors = failure.kind === 'invalid' ? { errors: failure.issues.map(toError) } : {};
  return problemReply({ status, detail, code: failure.kind, ...errors }, headers);
}

/** A reply of the problem type; `members` beyond the standard ones are extensions. */
export function problemReply(
  members: { readonly status: number; readonly detail: string } & Readonly<Record<string, unknown>>,
  headers: readonly string[] = [],
): Reply {
  const { status, ...rest } = members;
  return {
    status,
    body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...rest }),
    headers: ['content-type', PROBLEM_TYPE, ...headers],
  };
}

function toError(issue: Issue): { field: string; code: string; detail: string } {
  return { field: fieldOf(issue.path), code: issue.code, detail: issue.message };
}
