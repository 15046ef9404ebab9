import type { Failure } from '../../../http/failure.ts';
import type { Reply } from '../../../http/reply.ts';
import { describeFailure } from '../../problem/describe-failure.ts';

const CODES: Record<Failure['kind'], string> = {
  invalid: 'BAD_USER_INPUT',
  malformed_json: 'BAD_REQUEST',
  missing_credential: 'UNAUTHENTICATED',
  invalid_credential: 'UNAUTHENTICATED',
  forbidden: 'FORBIDDEN',
  refused: 'FORBIDDEN',
  contradiction: 'CONFLICT',
  not_found: 'NOT_FOUND',
  method_not_allowed: 'METHOD_NOT_ALLOWED',
  request_timeout: 'REQUEST_TIMEOUT',
  conflict: 'CONFLICT',
  too_large: 'PAYLOAD_TOO_LARGE',
  unsupported_media_type: 'UNSUPPORTED_MEDIA_TYPE',
  rate_limited: 'RATE_LIMITED',
  unavailable: 'SERVICE_UNAVAILABLE',
  internal: 'INTERNAL_SERVER_ERROR',
};

/** What an error of an answer says, beside where it is. */
export interface ErrorWords {
  readonly message: string;
  readonly extensions: { readonly code: string };
}

/** A failure in GraphQL's words. */
export function toErrorWords(failure: Failure): ErrorWords {
  return { message: describeFailure(failure).detail, extensions: { code: CODES[failure.kind] } };
}

/** The answer to a request that was not executed: `{"errors":[{"message","extensions":{"code"}}]}`. */
export function encodeGraphqlFailure(failure: Failure): Reply {
  const { status, headers } = describeFailure(failure);
  return { status, body: JSON.stringify({ errors: [toErrorWords(failure)] }), headers };
}
