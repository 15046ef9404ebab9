import type { Failure, Issue } from '../../server/failure.ts';

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
  const ownWords =
    failure.kind === 'not_found' || failure.kind === 'unavailable' ? failure.message : undefined;
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

/** The HTTP status of each failure, where a dialect's document asks for no other. */
export const FAILURE_STATUS: Readonly<Record<Failure['kind'], number>> = {
  invalid: 400,
  malformed_json: 400,
  missing_credential: 401,
  invalid_credential: 401,
  forbidden: 403,
  refused: 403,
  contradiction: 409,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
};

const NONE: readonly string[] = [];

/** The headers that tell a client when to come back, or by which method. */
export function failureHeaders(failure: Failure): readonly string[] {
  switch (failure.kind) {
    case 'rate_limited':
    case 'unavailable':
      return ['retry-after', String(failure.retryAfterSeconds)];
    case 'method_not_allowed':
      return ['allow', failure.allowed.join(', ')];
    default:
      return NONE;
  }
}

/** What to say of a failure to a client of any dialect; undefined where each has its own words. */
export function failureMessage(failure: Failure): string | undefined {
  switch (failure.kind) {
    case 'malformed_json':
    case 'unsupported_media_type':
    case 'refused':
    case 'contradiction':
      return failure.message;
    case 'too_large':
      return failure.message ?? `The request body is larger than ${failure.limitBytes} bytes`;
    case 'request_timeout':
      return 'The request body did not arrive in time';
    case 'rate_limited':
      return 'Too many requests';
    case 'not_found':
      return 'Not found';
    case 'method_not_allowed':
      return 'Method not allowed';
    case 'internal':
      return 'Internal server error';
    default:
      return undefined;
  }
}

/** The code of each failure in the manner that most of the documents share; a dialect names those of its own over these. */
export const FAILURE_CODE = {
  invalid: 'VALIDATION_ERROR',
  malformed_json: 'VALIDATION_ERROR',
  missing_credential: 'UNAUTHORIZED',
  invalid_credential: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  refused: 'FORBIDDEN',
  contradiction: 'CONFLICT',
  conflict: 'CONFLICT',
  not_found: 'NOT_FOUND',
  method_not_allowed: 'METHOD_NOT_ALLOWED',
  request_timeout: 'REQUEST_TIMEOUT',
  too_large: 'PAYLOAD_TOO_LARGE',
  unsupported_media_type: 'UNSUPPORTED_MEDIA_TYPE',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'SERVICE_UNAVAILABLE',
} as const satisfies Record<Failure['kind'], string>;
