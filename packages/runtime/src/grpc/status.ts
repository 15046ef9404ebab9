import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, status } from '@grpc/grpc-js';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { StatusSchema } from '@millrace/contracts/google/rpc/status';
import { type ErrorCode, type FieldViolation, MillraceError } from '../errors.ts';

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

/** gRPC's own key for what a failure says beside code and message: a google.rpc.Status. */
const DETAILS_KEY = 'grpc-status-details-bin';

/** The trailers of a failed call: the fields that are to blame, if any. */
export function trailersOf({ code, message, details }: MillraceError): Metadata {
  const trailers = new Metadata();
  if (details.length === 0) return trailers;
  const fieldViolations = details.map(({ field, issue }) => ({ field, description: issue }));
  const violations = anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations }));
  const told = create(StatusSchema, { code: statusOf(code), message, details: [violations] });
  trailers.set(DETAILS_KEY, Buffer.from(toBinary(StatusSchema, told)));
  return trailers;
}

/** A failed call as a MillraceError. */
export function fromServiceError(error: {
  code: number;
  details: string;
  metadata?: Metadata | undefined;
}): MillraceError {
  return new MillraceError(CODE_BY_STATUS.get(error.code) ?? 'internal', error.details || 'call failed', {
    cause: error,
    details: violationsIn(error.metadata),
  });
}

function violationsIn(trailers: Metadata | undefined): FieldViolation[] {
  const [bytes] = trailers?.get(DETAILS_KEY) ?? [];
  if (!Buffer.isBuffer(bytes)) return [];
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    const found = details.flatMap((detail) => anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []);
    return found.map(({ field, description }) => ({ field, issue: description }));
  } catch {
    // A proxy's own, or damaged: code and message still say what failed.
    return [];
  }
}
