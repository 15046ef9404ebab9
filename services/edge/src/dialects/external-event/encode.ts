import { describeFailure, FAILURE_CODE } from '../../request/problem/describe-failure.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';

/** The documented answer, to a new event and to a repeated one alike. */
export const SUCCESS: Reply = { status: 201, body: '{"success":true}' };

const CODES: Record<Failure['kind'], string> = {
  ...FAILURE_CODE,
  invalid: 'INVALID_INPUT',
  malformed_json: 'INVALID_INPUT',
  missing_credential: 'INVALID_AUTH',
  invalid_credential: 'INVALID_AUTH',
  // Clients know this code as "not stored, try again", whatever the store is.
  unavailable: 'CLICKHOUSE_ERROR',
};

/** `{"success":false,"error":{"code","message"}}`. */
export function encodeExternalEventFailure(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const body = JSON.stringify({ success: false, error: { code: CODES[failure.kind], message: detail } });
  return { status, body, headers };
}
