import { type Clock, systemClock } from '@millrace/runtime';
import { LRUCache } from 'lru-cache';
import type { AddressPolicy } from './address-policy.ts';
import { Call, type CallOwner } from './call.ts';
import { CallError, NOT_ALLOWED, reasonOf } from './call-error.ts';
import { checkUrl, type UrlVerdict } from './check-url.ts';
import { type ConnectionLimits, createConnections } from './connections.ts';
import { createDeadlines } from './deadlines.ts';
import { createDialler } from './dialler.ts';
import { createProxyDialler } from './proxy-dialler.ts';
import { createResolver, type Resolve } from './resolver.ts';
import { createSecure } from './secure.ts';

/** What is to be posted. */
export interface CallRequest {
  /** Judged as {@link checkUrl} does. */
  readonly url: string;
  /** Name, value, name, value …; `host`, `content-length` and what concerns the connection are the caller's own. */
  readonly headers: string[];
  readonly body: Buffer;
  /** Ends the call, with the error `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of a call. */
export interface CallResult {
  /** The HTTP status; 0 when there was none. A redirect is an answer like any other. */
  readonly status: number;
  /** The first bytes of the answer's body as they came, at most 16 KiB. */
  readonly response: Buffer;
  /** There was more, which has not been read. */
  readonly isTruncated: boolean;
  /** The header of that name. */
  readonly retryAfter: string | undefined;
  /** What was dialled last, `198.51.100.7:443`; empty when nothing was, or a proxy did it. */
  readonly address: string;
  /** From when it was asked for, in milliseconds: the wait for a connection is part of it. */
  readonly tookMs: number;
  /** Why it didn't come to its end, for people: `connection refused`. With a status, the answer was not complete. */
  readonly error: string | undefined;
}

/** Posts to URLs of strangers. */
export interface HttpCaller {
  /** Never rejects. A call may reach its receiver twice when a connection dies under it that was at rest before. */
  call(request: CallRequest): Promise<CallResult>;
  /** Connections that are open or being opened. */
  readonly openConnections: number;
  /** Ends the calls under way, with the error `cancelled`, and all connections. */
  close(): Promise<void>;
}

/** URLs whose verdict is kept. */
const MAX_VERDICTS = 10_000;
/** Calls that may be under way or wait for a connection: far more than any number of connections serves in time. */
const MAX_CALLS = 20_000;
const CANCELLED = 'cancelled';

/** Makes a caller of what `policy` allows. */
export function createHttpCaller(options: {
  policy: AddressPolicy;
  limits: ConnectionLimits;
  /** Of a whole call, in milliseconds. */
  timeoutMs: number;
  /** An HTTP proxy that all calls go through; see {@link createProxyDialler} for what it can't protect from. */
  proxyUrl?: string | undefined;
  /** PEM of the authorities to trust, instead of the system's. */
  ca?: string | undefined;
  resolve?: Resolve;
  clock?: Clock;
}): HttpCaller {
  const { policy, limits, timeoutMs, proxyUrl, clock = systemClock } = options;
  const secure = createSecure({ ca: options.ca });
  const resolve = options.resolve ?? createResolver();
  const dialler =
    proxyUrl === undefined
      ? createDialler({ policy, resolve, secure })
      : createProxyDialler({ proxyUrl, secure });
  const connections = createConnections({ dialler, limits });
  const verdicts = new LRUCache<string, UrlVerdict>({ max: MAX_VERDICTS });
  const deadlines = createDeadlines<Call>({
    clock,
    timeoutMs,
    onDue: (call) => call.end(new CallError(`timeout after ${timeoutMs / 1_000} s`)),
  });
  const answers = new Map<Call, (result: CallResult) => void>();
  /** One listener for each signal, whatever the number of calls that share it. */
  const watched = new WeakSet<AbortSignal>();
  let isClosed = false;

  const owner: CallOwner = {
    ended(call, error) {
      deadlines.delete(call);
      const answer = answers.get(call);
      answers.delete(call);
      answer?.({
        status: call.status,
        response: call.response,
        isTruncated: call.isTruncated,
        retryAfter: call.retryAfter,
        address: call.connection?.address ?? '',
        tookMs: clock.monotonic() - call.beganAtMs,
        error: error === undefined ? undefined : reasonOf(error),
      });
      connections.release(call);
    },
    retry: (call) => connections.replace(call),
  };

  const judge = (url: string): UrlVerdict => {
    const known = verdicts.get(url);
    if (known !== undefined) return known;
    const verdict = checkUrl(url, policy);
    // What is refused may be of any length.
    if (verdict.kind === 'allowed') verdicts.set(url, verdict);
    return verdict;
  };

  const cancelAll = (signal?: AbortSignal): void => {
    for (const call of deadlines) {
      if (signal === undefined || call.signal === signal) call.end(new CallError(CANCELLED));
    }
  };

  const watch = (signal: AbortSignal): void => {
    if (watched.has(signal)) return;
    watched.add(signal);
    signal.addEventListener('abort', () => cancelAll(signal), { once: true });
  };

  return {
    call(request) {
      const { signal } = request;
      const verdict = judge(request.url);
      if (verdict.kind === 'refused') return Promise.resolve(unmade(NOT_ALLOWED));
      if (isClosed || signal?.aborted === true) return Promise.resolve(unmade(CANCELLED));
      if (answers.size >= MAX_CALLS) return Promise.resolve(unmade('too many calls are under way'));
      if (signal !== undefined) watch(signal);
      const nowMs = clock.monotonic();
      const call = new Call(owner, verdict.target, request, nowMs);
      return new Promise((answer) => {
        answers.set(call, answer);
        deadlines.add(call, nowMs);
        connections.submit(call);
      });
    },
    get openConnections() {
      return connections.open;
    },
    async close() {
      isClosed = true;
      cancelAll();
      connections.close();
      await dialler.close();
    },
  };
}

function unmade(error: string): CallResult {
  return {
    status: 0,
    response: Buffer.alloc(0),
    isTruncated: false,
    retryAfter: undefined,
    address: '',
    tookMs: 0,
    error,
  };
}
