import { MillraceError } from '@millrace/runtime';

/** What is wrong with one place of a request. */
export interface Issue {
  /** Zod's issue code, for example `too_small` or `invalid_type`. */
  readonly code: string;
  /** Where, for example `['events', 3, 'userId']`; empty for the body itself. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What else the validator knows: `minimum`, `maximum`, `expected`, `received`, `origin`, … */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Everything that may go wrong with a request. Each dialect turns these into its documented answers. */
export type Failure =
  | { readonly kind: 'invalid'; readonly issues: readonly [Issue, ...Issue[]] }
  | { readonly kind: 'malformed_json'; readonly message: string }
  /** The message says of what, where it isn't of the request's body. */
  | { readonly kind: 'too_large'; readonly limitBytes: number; readonly message?: string }
  | { readonly kind: 'unsupported_media_type'; readonly message: string }
  | { readonly kind: 'missing_credential' }
  | { readonly kind: 'invalid_credential' }
  | { readonly kind: 'forbidden'; readonly permission: string }
  /** The caller may do this, but not in this way or to this target; the message says what. */
  | { readonly kind: 'refused'; readonly message: string }
  /** What is asked for contradicts what is there: a name that is taken, the last owner. */
  | { readonly kind: 'contradiction'; readonly message: string }
  | { readonly kind: 'conflict'; readonly eventId: string }
  /** The message says what of; without one it is the path. */
  | { readonly kind: 'not_found'; readonly message?: string }
  | { readonly kind: 'method_not_allowed'; readonly allowed: readonly string[] }
  | { readonly kind: 'request_timeout' }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds: number }
  /** A store or service is away, or the stream is nearly full; the message says what, where it is something else. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number; readonly message?: string }
  | { readonly kind: 'internal' };

/** A failure on its way to the dialect's encoder. */
export class RequestFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind);
    this.name = 'RequestFailure';
    this.failure = failure;
  }
}

const RETRY_AFTER_SECONDS = 1;
const RETRY_AFTER_FULL_SECONDS = 5;

/** What anything thrown means to the client; what nobody has foreseen is `internal`. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof RequestFailure) return thrown.failure;
  if (!(thrown instanceof MillraceError)) return { kind: 'internal' };
  switch (thrown.code) {
    case 'resource_exhausted':
      return { kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_FULL_SECONDS };
    case 'unavailable':
    case 'deadline_exceeded':
    case 'aborted':
    case 'canceled':
      return { kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_SECONDS };
    case 'invalid_argument':
      return { kind: 'invalid', issues: issuesOf(thrown) };
    case 'not_found':
      return { kind: 'not_found', message: thrown.message };
    case 'unauthenticated':
      return { kind: 'invalid_credential' };
    case 'permission_denied':
      return { kind: 'refused', message: thrown.message };
    case 'already_exists':
    case 'failed_precondition':
      return { kind: 'contradiction', message: thrown.message };
    default:
      return { kind: 'internal' };
  }
}

function issuesOf({ message, details }: MillraceError): readonly [Issue, ...Issue[]] {
  const [first, ...others] = details.map(({ field, issue }) => custom([camelCase(field)], issue));
  return [first ?? custom([], message), ...others];
}

function custom(path: Issue['path'], message: string): Issue {
  return { code: 'custom', path, message };
}

/** Fields are in snake case in the contracts and in camel case in JSON. */
function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
