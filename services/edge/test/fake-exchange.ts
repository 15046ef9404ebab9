import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Exchange, Reply } from '../src/server/exchange.ts';
import { RequestFailure } from '../src/server/failure.ts';

/** A request as a test writes it. */
export interface FakeRequest {
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when it is text or bytes, as JSON otherwise. */
  readonly body?: unknown;
  readonly search?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly receivedAtMs?: number;
  readonly traceparent?: string;
  readonly signal?: AbortSignal;
}

/** An exchange that no socket carries, and the replies that were sent to it. */
export interface FakeExchange extends Exchange {
  readonly replies: readonly Reply[];
  /** Flat name, value …, of the headers that any answer would carry. */
  readonly addedHeaders: readonly string[];
  /** How often the body was read. */
  readonly bodyReads: number;
}

/** An exchange for a unit test of a dialect. */
export function fakeExchange(init: FakeRequest): FakeExchange {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, init.headers);
  const replies: Reply[] = [];
  const addedHeaders: string[] = [];
  const bytes = toBytes(init.body);
  let bodyReads = 0;
  return {
    request,
    response: new ServerResponse(request),
    params: init.params ?? {},
    receivedAtMs: init.receivedAtMs ?? Date.UTC(2024, 0, 30, 12, 35),
    requestId: 'request-1',
    traceparent: init.traceparent,
    replies,
    get bodyReads() {
      return bodyReads;
    },
    clientAddress: () => '192.0.2.1',
    addedHeaders,
    addHeaders: (headers) => void addedHeaders.push(...headers),
    query: () => new URLSearchParams(init.search ?? ''),
    header: (name) => init.headers?.[name],
    async body(limitBytes) {
      bodyReads++;
      if (bytes.length > limitBytes) throw new RequestFailure({ kind: 'too_large', limitBytes });
      return bytes;
    },
    peek: async (limitBytes) => bytes.subarray(0, limitBytes),
    signal: init.signal ?? new AbortController().signal,
    begin: () => assert.fail('an answer that lasts needs a connection'),
    reply: (reply) => {
      replies.push('file' in reply ? { ...reply, body: Buffer.from(reply.file).toString('latin1') } : reply);
    },
  };
}

function toBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
