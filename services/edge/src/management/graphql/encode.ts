import { describeFailure, FAILURE_CODE } from '../../request/problem/describe-failure.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';

const CODES: Record<Failure['kind'], string> = {
  ...FAILURE_CODE,
  invalid: 'BAD_USER_INPUT',
  malformed_json: 'BAD_REQUEST',
  missing_credential: 'UNAUTHENTICATED',
  invalid_credential: 'UNAUTHENTICATED',
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
