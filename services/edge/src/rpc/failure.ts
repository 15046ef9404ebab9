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
  if (thrown instanceof ConnectError) {
    blameMessage(thrown);
    return thrown;
  }
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

/** How connect words what it calls an internal error though it only could not read the caller's bytes. */
const PARSE_FAILURE = 'parse binary: ';
const DECOMPRESSION_FAILURE = 'decompression failed';

/**
 * Makes `invalid_argument` of an error that the caller's bytes are to blame for. In place, because connect keeps no later moment
 * for it: of a unary call it sends the very error that its reader has thrown. Other errors stay as they are.
 */
export function blameMessage(error: ConnectError): void {
  if (error.code !== Code.Internal) return;
  const reason = unreadable(error.rawMessage);
  if (reason === undefined) return;
  const { code, message, rawMessage } = new ConnectError(reason, Code.InvalidArgument);
  Object.assign(error, { code, message, rawMessage });
}

function unreadable(words: string): string | undefined {
  if (words === DECOMPRESSION_FAILURE) return 'the message can not be decompressed';
  if (!words.startsWith(PARSE_FAILURE)) return undefined;
  if (words.includes('maximum recursion depth')) return 'the message is nested too deep';
  return `the message is no valid protobuf: ${words.slice(PARSE_FAILURE.length)}`;
}
