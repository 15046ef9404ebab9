import { errors } from 'undici';

/** Why a call failed; its message is the reason, for people, and names no address. */
export class CallError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'CallError';
  }
}

export const NOT_ALLOWED = 'the address is not allowed';

const NO_ROUTE = 'the address can not be reached';
const CLOSED = 'the connection was closed before the answer was complete';
const UNKNOWN_AUTHORITY = 'the certificate is from an unknown authority';
const NO_HTTP = 'the answer is not HTTP/1.1';

/** By the codes of Node, OpenSSL and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  EADDRNOTAVAIL: NO_ROUTE,
  EAFNOSUPPORT: NO_ROUTE,
  EINVAL: NO_ROUTE,
  EMFILE: 'no connection could be opened',
  ENFILE: 'no connection could be opened',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate has been revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  UND_ERR_SOCKET: CLOSED,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is longer or shorter than it says',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are longer than 16 KiB',
  UND_ERR_INVALID_ARG: 'a header can not be sent',
};

/** The reason of whatever a call failed with, always the same words for the same fault. */
export function reasonOf(error: unknown): string {
  if (error instanceof CallError) return error.message;
  const code = codeOf(error);
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (error instanceof errors.HTTPParserError) return NO_HTTP;
  if (/^(ERR_SSL|ERR_TLS|EPROTO|CERT|UNABLE)/.test(code)) return 'TLS failed';
  return 'the call failed';
}

/** Whether a connection was lost, rather than something wrong said over it. */
export function isConnectionLoss(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
