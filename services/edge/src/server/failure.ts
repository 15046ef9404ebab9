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
  /** A store or service is away, or the stream is nearly full. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number }
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
