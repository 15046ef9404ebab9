import { Code, ConnectError } from '@connectrpc/connect';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { MillraceError } from '@millrace/runtime';
import { fieldOf } from '../request/problem/describe-failure.ts';
import { type Failure, RequestFailure } from '../server/failure.ts';

/** What REST callers are told of the same failures. */
const RETRY_AFTER_SECONDS: ReadonlyMap<Code, string> = new Map([
  [Code.Unavailable, '1'],
  [Code.ResourceExhausted, '5'],
]);

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
    const seconds = RETRY_AFTER_SECONDS.get(code);
    const headers = seconds === undefined ? undefined : { 'retry-after': seconds };
    return new ConnectError(thrown.message, code, headers, details, thrown);
  }
  if (thrown instanceof RequestFailure) return failureError(thrown.failure);
  return new ConnectError('internal error', Code.Internal, undefined, undefined, thrown);
}

/** A failure of the code that REST and RPC share, in gRPC's words. */
export function failureError(failure: Failure): ConnectError {
  switch (failure.kind) {
    case 'missing_credential':
      return new ConnectError('send `authorization: Bearer KEY` or `x-api-key: KEY`', Code.Unauthenticated);
    case 'invalid_credential':
      return new ConnectError(
        'the credential is unknown, expired, revoked or not for this method',
        Code.Unauthenticated,
      );
    case 'forbidden':
      return new ConnectError(
        `the credential lacks the permission ${failure.permission}`,
        Code.PermissionDenied,
      );
    case 'rate_limited':
      return new ConnectError('too many requests', Code.ResourceExhausted, {
        'retry-after': String(failure.retryAfterSeconds),
      });
    case 'invalid':
      return invalidArgument(failure.issues.map(({ path, message }) => ({ field: fieldOf(path), message })));
    default:
      return new ConnectError('internal error', Code.Internal, undefined, undefined, failure);
  }
}

function invalidArgument(issues: readonly { field: string; message: string }[]): ConnectError {
  const [first] = issues;
  const words = first?.field ? `${first.field}: ${first.message}` : (first?.message ?? 'Invalid input');
  const fieldViolations = issues.map(({ field, message }) => ({ field, description: message }));
  const detail = { desc: BadRequestSchema, value: { fieldViolations } };
  return new ConnectError(words, Code.InvalidArgument, undefined, [detail]);
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
