import type { Failure } from '../server/failure.ts';

/** The code of each failure in the manner that most of the documents share; a dialect names those of its own over these. */
export const FAILURE_CODE: Readonly<Record<Failure['kind'], string>> = {
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
};
