import type { Failure } from '../../http/failure.ts';
import type { Reply } from '../../http/reply.ts';
import { describeFailure } from '../problem/describe-failure.ts';

/** The documented answer, to a new event and to a repeated one alike. */
export const SUCCESS: Reply = { status: 201, body: '{"success":true}' };

const CODES: Record<Failure['kind'], string> = {
  invalid: 'INVALID_INPUT',
  malformed_json: 'INVALID_INPUT',
  missing_credential: 'INVALID_AUTH',
  invalid_credential: 'INVALID_AUTH',
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
  // Clients know this code as "not stored, try again", whatever the store is.
  unavailable: 'CLICKHOUSE_ERROR',
  internal: 'INTERNAL_ERROR',
};

/** `{"success":false,"error":{"code","message"}}`. */
export function encodeExternalEventFailure(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const body = JSON.stringify({ success: false, error: { code: CODES[failure.kind], message: detail } });
  return { status, body, headers };
}
