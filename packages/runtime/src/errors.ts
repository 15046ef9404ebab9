/** The closed set of failure codes; they map one to one to gRPC's. */
export type ErrorCode =
  | 'aborted'
  | 'already_exists'
  | 'canceled'
  | 'deadline_exceeded'
  | 'failed_precondition'
  | 'internal'
  | 'invalid_argument'
  | 'not_found'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'unauthenticated'
  | 'unavailable'
  | 'unimplemented';

/** What is wrong with one field of a request. */
export interface FieldViolation {
  /** Its name in the contract, for example `expires_at`. */
  readonly field: string;
  /** For example `must be in the future`. */
  readonly issue: string;
}

/** They travel in a call's trailers, whose size is bounded: 8 at their longest are under 8 KiB. */
const MAX_DETAILS = 8;
const MAX_FIELD_CHARS = 64;
const MAX_ISSUE_CHARS = 256;

/** A failure whose message may be shown to a caller; what may not goes into the cause. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  /** The fields that are to blame, at most 8; the same over gRPC and in process. */
  readonly details: readonly FieldViolation[];

  constructor(
    code: ErrorCode,
    publicMessage: string,
    options: { cause?: unknown; details?: readonly FieldViolation[] } = {},
  ) {
    const { details = [], ...native } = options;
    super(publicMessage, native);
    this.name = 'MillraceError';
    this.code = code;
    this.details = details.slice(0, MAX_DETAILS).map(({ field, issue }) => ({
      field: bounded(field, MAX_FIELD_CHARS),
      issue: bounded(issue, MAX_ISSUE_CHARS),
    }));
  }
}

/** A failure for which one field is to blame; the message names it, as in `expires_at: must be in the future`. */
export function fieldError(
  field: string,
  issue: string,
  code: ErrorCode = 'invalid_argument',
): MillraceError {
  return new MillraceError(code, `${field}: ${issue}`, { details: [{ field, issue }] });
}

/** Any thrown value as a MillraceError; one that is not known is `internal`, its words kept as the cause. */
export function toMillraceError(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  return new MillraceError('internal', 'internal error', { cause: thrown });
}

function bounded(text: string, maxChars: number): string {
  // A cut through a pair, or what came in half, would be no UTF-8.
  return text.slice(0, maxChars).toWellFormed();
}
