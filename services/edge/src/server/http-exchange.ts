import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { ClientAddress } from './client-address.ts';
import type { Exchange, FileReply, Reply } from './exchange.ts';
import { type BodyBudget, RequestBody } from './request-body.ts';

/** The status that is counted when the client has left before its answer; nobody is ever sent it. */
export const CLIENT_LEFT = 499;

const NO_PARAMS: Exchange['params'] = {};

/** What the server hands to an exchange. */
export interface ExchangeInit {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
  readonly params: Exchange['params'] | undefined;
  readonly search: string;
  readonly receivedAtMs: number;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  /** Flat name, value … of headers that every answer to this request carries. */
  readonly extraHeaders: readonly string[];
  readonly clientAddress: ClientAddress;
  readonly bodies: BodyBudget;
  /** Told once, of the answer or of `CLIENT_LEFT`. */
  readonly onReply: (status: number) => void;
}

/** An exchange over a Node request and response. */
export class HttpExchange implements Exchange {
  readonly request: Exchange['request'];
  readonly response: Exchange['response'];
  readonly params: Exchange['params'];
  readonly receivedAtMs: number;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly #search: string;
  #extraHeaders: readonly string[];
  readonly #clientAddress: ClientAddress;
  readonly #onReply: (status: number) => void;
  readonly #body: RequestBody;
  #isOver = false;
  #leaving: AbortController | undefined;

  constructor(init: ExchangeInit) {
    this.request = init.request;
    this.response = init.response;
    this.params = init.params ?? NO_PARAMS;
    this.receivedAtMs = init.receivedAtMs;
    this.requestId = init.requestId;
    this.traceparent = init.traceparent;
    this.#search = init.search;
    this.#extraHeaders = init.extraHeaders;
    this.#clientAddress = init.clientAddress;
    this.#onReply = init.onReply;
    this.#body = new RequestBody(init.request, init.bodies);
  }

  clientAddress(): string {
    return this.#clientAddress(this.request);
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : value?.[0];
  }

  body(limitBytes: number): Promise<Buffer> {
    return this.#body.read(limitBytes);
  }

  peek(limitBytes: number): Promise<Buffer> {
    return this.#body.peek(limitBytes);
  }

  /** The body is late: whoever reads it fails by `request_timeout`. */
  late(): void {
    this.#body.cut({ kind: 'request_timeout' });
  }

  /** The request is over, answered or not, and the memory of its body free. */
  close(): void {
    this.#body.release();
    if (!this.#isOver) this.#leaving?.abort();
    this.#tell(CLIENT_LEFT);
  }

  #tell(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onReply(status);
  }

  get signal(): AbortSignal {
    this.#leaving ??= new AbortController();
    if (this.#isOver) this.#leaving.abort();
    return this.#leaving.signal;
  }

  addHeaders(headers: readonly string[]): void {
    this.#extraHeaders = [...this.#extraHeaders, ...headers];
  }

  reply(reply: Reply | FileReply): void {
    const { response } = this;
    const { status, headers } = reply;
    const body = 'file' in reply ? reply.file : reply.body;
    if (response.headersSent || response.destroyed || this.request.aborted) return;
    // A raw array is written as it is; an object would be copied into a map first.
    const head = ['x-request-id', this.requestId];
    // A 204 has no content, and must not speak of its length (RFC 9110, 8.6).
    const isEmpty = status === 204;
    if (!isEmpty) head.push('content-length', String(Buffer.byteLength(body)));
    let typed = isEmpty;
    if (headers) {
      for (let i = 0; i < headers.length; i += 2) {
        if (headers[i] === 'content-type') typed = true;
        head.push(headers[i] ?? '', headers[i + 1] ?? '');
      }
    }
    if (!typed) head.push('content-type', 'application/json; charset=utf-8');
    if (this.#extraHeaders.length > 0) head.push(...this.#extraHeaders);
    writeHead(response, status, head);
    response.end(body);
    this.#tell(status);
  }

  begin(status: number, headers: readonly string[]): void {
    writeHead(this.response, status, ['x-request-id', this.requestId, ...headers, ...this.#extraHeaders]);
    this.#tell(status);
  }
}

function writeHead(response: Exchange['response'], status: number, head: string[]): void {
  // Both classes take the flat array; their types only share the object form.
  (response as ServerResponse).writeHead(status, head);
}
