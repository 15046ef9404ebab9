import { STATUS_CODES } from 'node:http';
import type { Failure, Issue } from '../../http/failure.ts';
import type { Reply } from '../../http/route.ts';

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/**
 * A failure as RFC 9457 problem details: `{type, title, status, detail, code}`, and `errors: [{field, code, detail}]`
 * where the request itself is wrong. Nothing of a cause is shown.
 */
export function encodeProblem(failure: Failure): Reply {
  const { status, detail, headers = [] } = describe(failure);
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

/** A path as people write it: `events[3].userId`. */
export function fieldOf(path: Issue['path']): string {
  let field = '';
  for (const part of path) {
    if (typeof part === 'number') field += `[${part}]`;
    else field += field === '' ? part : `.${part}`;
  }
  return field;
}

function toError(issue: Issue): { field: string; code: string; detail: string } {
  return { field: fieldOf(issue.path), code: issue.code, detail: issue.message };
}

function describe(failure: Failure): { status: number; detail: string; headers?: readonly string[] } {
  switch (failure.kind) {
    case 'invalid':
      return { status: 400, detail: summary(failure.issues[0]) };
    case 'malformed_json':
      return { status: 400, detail: failure.message };
    case 'missing_credential':
      return unauthorized('no credential: send `Authorization: Bearer KEY` or `x-api-key: KEY`');
    case 'invalid_credential':
      return unauthorized('the credential is unknown, expired or revoked');
    case 'forbidden':
      return { status: 403, detail: `the credential lacks the permission ${failure.permission}` };
    case 'not_found':
      return { status: 404, detail: 'there is nothing at this path' };
    case 'method_not_allowed':
      return {
        status: 405,
        detail: `this path takes ${failure.allowed.join(', ')}`,
        headers: ['allow', failure.allowed.join(', ')],
      };
    case 'request_timeout':
      return { status: 408, detail: 'the request took too long to arrive' };
    case 'conflict':
      return { status: 409, detail: `another event was accepted before as ${failure.eventId}` };
    case 'too_large':
      return { status: 413, detail: `the body is larger than ${failure.limitBytes} bytes` };
    case 'unsupported_media_type':
      return { status: 415, detail: failure.message };
    case 'rate_limited':
      return { status: 429, detail: 'too many requests', headers: retryAfter(failure) };
    case 'unavailable':
      return { status: 503, detail: 'not available now, try again', headers: retryAfter(failure) };
    case 'internal':
      return { status: 500, detail: 'internal error' };
  }
}

function summary(issue: Issue): string {
  const field = fieldOf(issue.path);
  return field === '' ? issue.message : `${field}: ${issue.message}`;
}

function unauthorized(detail: string) {
  return { status: 401, detail, headers: ['www-authenticate', 'Bearer'] };
}

function retryAfter(failure: { readonly retryAfterSeconds: number }): string[] {
  return ['retry-after', String(failure.retryAfterSeconds)];
}
