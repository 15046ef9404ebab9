import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** A request and its answer, over HTTP/1.1 or HTTP/2. */
export interface Exchange {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
  /** Values of the path's `:names`. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** When the request's head had arrived, in milliseconds since 1970-01-01 UTC. */
  readonly receivedAtMs: number;
  /** The caller's `X-Request-Id` or one made here; echoed in the answer. */
  readonly requestId: string;
  /** The caller's trace context, or the server span's when tracing is on. */
  readonly traceparent: string | undefined;
  /** The client's IP address, as the connection or a trusted proxy tells it. */
  clientAddress(): string;
  /** The parsed query string. */
  query(): URLSearchParams;
  /** A header's value, by lower-case name. */
  header(name: string): string | undefined;
  /** The inflated body. Throws RequestFailure `too_large`, `unsupported_media_type` or `request_timeout`. */
  body(limitBytes: number): Promise<Buffer>;
  /**
   * The beginning of the body, inflated: at most `limitBytes`, and only what arrives within a second. For callers who are not known
   * yet; never throws.
   */
  peek(limitBytes: number): Promise<Buffer>;
  /** Adds to the headers of whatever the answer will be: flat name, value …; lower case. */
  addHeaders(headers: readonly string[]): void;
  /** Sends the answer. */
  reply(reply: Reply | FileReply): void;
  /** Aborts when the client leaves before its answer, so that nothing goes on being found for it. */
  readonly signal: AbortSignal;
  /** Sends the head of an answer that lasts; its body is written to `response`. Flat name, value …; lower case. */
  begin(status: number, headers: readonly string[]): void;
}

const VALID = /^[\x21-\x7e]{1,128}$/;

/** The caller's request id when it is 1 to 128 visible ASCII characters. */
export function callersRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && VALID.test(header) ? header : undefined;
}

/** A status and a JSON body. */
export interface Reply {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  /** Flat name, value, name, value …; lower case. */
  readonly headers?: readonly string[];
}

/** A status and a body of another kind. */
export interface FileReply {
  readonly status: number;
  readonly file: Uint8Array;
  /** Flat name, value, name, value …; lower case; `content-type` among them. */
  readonly headers: readonly string[];
}
