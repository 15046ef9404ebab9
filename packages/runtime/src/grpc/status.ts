import { status } from '@grpc/grpc-js';
import { type ErrorCode, MillraceError } from '../errors.ts';

const STATUS_BY_CODE: Record<ErrorCode, status> = {
  aborted: status.ABORTED,
  already_exists: status.ALREADY_EXISTS,
  canceled: status.CANCELLED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  failed_precondition: status.FAILED_PRECONDITION,
  internal: status.INTERNAL,
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  permission_denied: status.PERMISSION_DENIED,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  unauthenticated: status.UNAUTHENTICATED,
  unavailable: status.UNAVAILABLE,
  unimplemented: status.UNIMPLEMENTED,
};

const CODE_BY_STATUS = new Map<number, ErrorCode>(
  // Object.entries widens the keys; they are the codes of the record above.
  Object.entries(STATUS_BY_CODE).map(([code, number]) => [number, code as ErrorCode]),
);

/** gRPC's number for a code. */
export function statusOf(code: ErrorCode): status {
  return STATUS_BY_CODE[code];
}

/** A failed call as a MillraceError. */
export function fromServiceError(error: { code: number; details: string }): MillraceError {
  return new MillraceError(CODE_BY_STATUS.get(error.code) ?? 'internal', error.details || 'call failed', {
    cause: error,
  });
}
