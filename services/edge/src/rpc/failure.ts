import { Code, ConnectError } from '@connectrpc/connect';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { MillraceError } from '@millrace/runtime';
import { RequestFailure } from '../server/failure.ts';

/**
 * A failure as the caller learns of it: known ones keep their code and message, and name the fields to blame in a
 * google.rpc.BadRequest; of others nothing is told.
 */
export function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  if (thrown instanceof MillraceError && thrown.code !== 'internal') {
    // The codes of both are gRPC's, under the same names.
    const code = codeFromString(thrown.code) ?? Code.Internal;
    const fieldViolations = thrown.details.map(({ field, issue }) => ({ field, description: issue }));
    const details =
      fieldViolations.length > 0 ? [{ desc: BadRequestSchema, value: { fieldViolations } }] : [];
    const headers = code === Code.Unavailable ? { 'retry-after': '1' } : undefined;
    return new ConnectError(thrown.message, code, headers, details, thrown);
  }
  if (thrown instanceof RequestFailure && thrown.failure.kind === 'rate_limited') {
    const headers = { 'retry-after': String(thrown.failure.retryAfterSeconds) };
    return new ConnectError('too many requests', Code.ResourceExhausted, headers);
  }
  return new ConnectError('internal error', Code.Internal, undefined, undefined, thrown);
}
