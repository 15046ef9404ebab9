import {
  type Client,
  InterceptingCall,
  type Interceptor,
  type InterceptorOptions,
  Metadata,
  type NextCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { MillraceError, toMillraceError } from '../errors.ts';
import type { SpanContextText } from '../tracing.ts';
import type { ByteMethod } from './method.ts';
import type { ServiceToken } from './service-token.ts';
import { fromServiceError } from './status.ts';

/** How a call whose answer is a stream may be bounded and traced. */
export interface StreamOptions {
  /** Milliseconds until the first message; without one by then the call fails with `deadline_exceeded`. */
  timeoutMs: number;
  /** The same for every message after it; without, a stream may be silent for ever. Only time that somebody waits counts. */
  idleMs?: number | undefined;
  signal?: AbortSignal | undefined;
  traceparent?: SpanContextText | undefined;
}

/**
 * Reads a source within the limits of a call; it is opened when the first message is asked for, asked for one message at a time,
 * and told by its signal when nobody reads on. What it throws becomes a MillraceError.
 */
export async function* readStream<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  options: { timeoutMs?: number; idleMs?: number | undefined; signal?: AbortSignal | undefined },
): AsyncGenerator<T> {
  const { signal } = options;
  if (signal?.aborted) throw gaveUp();
  const over = new AbortController();
  const source = open(over.signal)[Symbol.asyncIterator]();
  let limitMs = options.timeoutMs;
  try {
    for (;;) {
      const next = await nextWithin(source, limitMs, signal);
      if (next.done) return;
      yield next.value;
      limitMs = options.idleMs;
    }
  } catch (error) {
    throw toMillraceError(error);
  } finally {
    over.abort(gaveUp());
    // Not awaited: a source that is in the middle of something ends when it is through with it.
    source.return?.().catch(() => undefined);
  }
}

function nextWithin<T>(
  source: AsyncIterator<T>,
  limitMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(gaveUp());
    const giveUp = () => reject(gaveUp());
    signal?.addEventListener('abort', giveUp, { once: true });
    const late = () => reject(new MillraceError('deadline_exceeded', 'no message in time'));
    const timer = limitMs === undefined ? undefined : setTimeout(late, limitMs);
    // Listened to in any case: a failure that comes too late is no unhandled one.
    source
      .next()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      });
  });
}

/** The failure of a call whose caller no longer waits. */
export function gaveUp(): MillraceError {
  return new MillraceError('canceled', 'the caller gave up');
}

/** Calls a method whose answer is a stream. No more than one message is read ahead, so a slow reader stops the sender. */
export function callStream(
  client: Client,
  token: ServiceToken,
  method: ByteMethod,
  request: Buffer,
  options: StreamOptions,
): AsyncGenerator<Buffer> {
  return readStream((over) => receive(client, token, method, { request, over, ...options }), options);
}

async function* receive(
  client: Client,
  token: ServiceToken,
  method: ByteMethod,
  call: { request: Buffer; over: AbortSignal; traceparent?: SpanContextText | undefined },
): AsyncGenerator<Buffer> {
  const metadata = new Metadata();
  metadata.set('x-millrace-token', token.issue());
  if (call.traceparent !== undefined) metadata.set('traceparent', call.traceparent);
  // Streams share a connection's window; without this (RFC 9218) the server serves the oldest until it has nothing to say.
  metadata.set('priority', 'i');
  const reads = createReadGate();
  const stream = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    call.request,
    metadata,
    { deadline: Number.POSITIVE_INFINITY, interceptors: [reads.interceptor] },
  );
  // grpc-js tells of a cancelled call by an error, which ends the process where nobody listens.
  stream.on('error', () => undefined);
  const messages: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  call.over.addEventListener('abort', () => stream.cancel(), { once: true });
  for (;;) {
    reads.allowOne();
    const next = await messages.next().catch((error: unknown) => {
      throw isServiceError(error) ? fromServiceError(error) : error;
    });
    if (next.done) return;
    yield next.value;
  }
}

function isServiceError(error: unknown): error is Parameters<typeof fromServiceError>[0] {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** grpc-js reads sixteen messages ahead, however large; this lets it ask for the next one only when somebody wants it. */
function createReadGate(): { interceptor: Interceptor; allowOne(): void } {
  let allowed = false;
  let asked: (() => void) | undefined;
  const go = () => {
    if (!allowed || asked === undefined) return;
    const read = asked;
    asked = undefined;
    allowed = false;
    read();
  };
  class GatedCall extends InterceptingCall {
    override startRead(): void {
      asked = () => super.startRead();
      go();
    }
  }
  return {
    interceptor: (options: InterceptorOptions, nextCall: NextCall) => new GatedCall(nextCall(options)),
    allowOne() {
      allowed = true;
      go();
    },
  };
}

/** Writes messages one after the other, each when the one before it is on its way: the caller's pace is the source's. */
export async function writeStream(
  call: ServerWritableStream<Buffer, Buffer>,
  messages: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of readStream(() => messages, { signal })) await written(call, message, signal);
}

function written(
  call: ServerWritableStream<Buffer, Buffer>,
  message: Buffer,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A write that was under way when the caller left is never confirmed.
    const giveUp = () => reject(gaveUp());
    signal.addEventListener('abort', giveUp, { once: true });
    call.write(message, (error: Error | null | undefined) => {
      signal.removeEventListener('abort', giveUp);
      if (error) reject(error);
      else resolve();
    });
  });
}
