import type { Failure } from '../server/failure.ts';

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
