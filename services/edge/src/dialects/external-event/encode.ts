import { z } from 'zod';
import { describeFailure, FAILURE_CODE } from '../../request/problem/describe-failure.ts';
import { codeIn, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';

const CODES = {
  ...FAILURE_CODE,
  invalid: 'INVALID_INPUT',
  malformed_json: 'INVALID_INPUT',
  missing_credential: 'INVALID_AUTH',
  invalid_credential: 'INVALID_AUTH',
  // Clients know this code as "not stored, try again", whatever the store is.
  unavailable: 'CLICKHOUSE_ERROR',
} as const satisfies Record<Failure['kind'], string>;

/** The documented body of a success. */
export const externalEventSuccess = z
  .strictObject({ success: z.literal(true) })
  .meta({ id: 'ExternalEventSuccess' });

/** The documented body of an error. */
export const externalEventError = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({ code: codeIn(CODES), message: z.string() }),
  })
  .meta({ id: 'ExternalEventError' });

/** The documented answer, to a new event and to a repeated one alike. */
export const SUCCESS: Reply = jsonReply(externalEventSuccess, 201, { success: true });

/** `{"success":false,"error":{"code","message"}}`. */
export function encodeExternalEventFailure(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const error = { code: CODES[failure.kind], message: detail };
  return jsonReply(externalEventError, status, { success: false, error }, headers);
}
