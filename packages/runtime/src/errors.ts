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

/** A failure whose message may be shown to a caller; what may not goes into the cause. */
export class MillraceError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, publicMessage: string, options?: { cause?: unknown }) {
    super(publicMessage, options);
    this.name = 'MillraceError';
    this.code = code;
  }
}

/** Any thrown value as a MillraceError; one that is not known is `internal`, its words kept as the cause. */
export function toMillraceError(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  return new MillraceError('internal', 'internal error', { cause: thrown });
}
