/** Which browser origins may call. */
export interface Cors {
  /** Headers for an answer to this origin; empty when there is none or it isn't allowed. */
  headersFor(origin: string | undefined): readonly string[];
}

const NONE: readonly string[] = [];
/** The last three are what gRPC-Web tells an answer's end by when there is no body. */
const EXPOSED =
  'etag, link, x-request-id, retry-after, ratelimit, ratelimit-policy, grpc-status, grpc-message, grpc-status-details-bin';
/** Of the Connect and gRPC-Web clients, the official ones send `x-user-agent` with every call. */
const ALLOWED =
  'authorization, content-type, content-encoding, idempotency-key, if-match, x-api-key, x-request-id, traceparent, tracestate, connect-protocol-version, connect-timeout-ms, connect-accept-encoding, connect-content-encoding, x-grpc-web, x-user-agent, grpc-timeout, grpc-accept-encoding, grpc-encoding';

/** Allows the configured origins; `*` allows every one. Credentials (cookies) are never used. */
export function createCors(origins: readonly string[]): Cors {
  const any = origins.includes('*');
  const allowed = new Set(origins);
  return {
    headersFor(origin) {
      if (origin === undefined || !(any || allowed.has(origin))) return NONE;
      return [
        'access-control-allow-origin',
        origin,
        'access-control-expose-headers',
        EXPOSED,
        'vary',
        'origin',
      ];
    },
  };
}

/** The answer to a preflight, beside `headersFor`. */
export function preflightHeaders(methods: readonly string[]): readonly string[] {
  return [
    'access-control-allow-methods',
    methods.join(', '),
    'access-control-allow-headers',
    ALLOWED,
    'access-control-max-age',
    '7200',
  ];
}
