import { type handleServerStreamingCall, type handleUnaryCall, type Metadata, status } from '@grpc/grpc-js';
import { toMillraceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Tracing } from '../tracing.ts';
import type { ServiceToken } from './service-token.ts';
import { statusOf, trailersOf } from './status.ts';
import { gaveUp, writeStream } from './stream.ts';

/** What a handler learns about its call. */
export interface CallContext {
  /** Aborted when the caller gave up or its deadline passed. */
  readonly signal: AbortSignal;
  /** Aborted when the server begins to close: a stream without an end ends now, or is cut off after 10 s. */
  readonly closing: AbortSignal;
  readonly traceparent: string | undefined;
}

/** What answering a method's calls takes. */
export interface Calls {
  readonly name: string;
  readonly count: (code: number) => void;
  readonly closing: AbortSignal;
  readonly token: ServiceToken;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/** Answers the calls of a method of one answer. */
export function answerWith(
  calls: Calls,
  answer: (request: Buffer, context: CallContext) => Promise<Buffer>,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const begun = begin(calls, call);
    if ('refusal' in begun) return callback(begun.refusal);
    answer(call.request, begun.context).then(
      (response) => {
        begun.succeed();
        callback(null, response);
      },
      (thrown: unknown) => callback(begun.fail(thrown)),
    );
  };
}

/** Answers the calls of a method whose answer is a stream, at the pace of the caller. */
export function streamWith(
  calls: Calls,
  answer: (request: Buffer, context: CallContext) => AsyncIterable<Buffer>,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const begun = begin(calls, call);
    if ('refusal' in begun) return void call.emit('error', begun.refusal);
    const { signal } = begun.context;
    writeStream(call, answer(call.request, begun.context), signal).then(
      () => {
        begun.succeed();
        call.end();
      },
      // grpc-js sends the status of an error that is emitted, behind what was written. A call that was cancelled has nobody to be told.
      (thrown: unknown) => {
        if (signal.aborted) begun.fail(gaveUp());
        else call.emit('error', begun.fail(thrown));
      },
    );
  };
}

/** A call that has shown its service token, from its beginning to its end. */
interface BegunCall {
  readonly context: CallContext;
  /** Writes down that it went well. */
  succeed(): void;
  /** Writes down why it did not, and puts it into gRPC's words. */
  fail(thrown: unknown): { code: status; details: string; metadata?: Metadata };
}

/** Begins a call; answers the refusal of one that comes from nobody we know. */
function begin(
  calls: Calls,
  call: { metadata: Metadata; on(event: 'cancelled', listener: () => void): unknown },
): BegunCall | { refusal: { code: status; details: string } } {
  const token = call.metadata.get('x-millrace-token')[0];
  if (!calls.token.verify(typeof token === 'string' ? token : undefined)) {
    calls.count(status.UNAUTHENTICATED);
    return {
      refusal: { code: status.UNAUTHENTICATED, details: 'the call carries no valid service token' },
    };
  }
  const aborter = new AbortController();
  call.on('cancelled', () => aborter.abort());
  const parent = call.metadata.get('traceparent')[0];
  const incoming = typeof parent === 'string' ? parent : undefined;
  const span = calls.tracing.start(calls.name, { kind: 'server', parent: incoming });
  const { signal } = aborter;
  return {
    context: { signal, closing: calls.closing, traceparent: span?.traceparent ?? incoming },
    succeed() {
      calls.count(status.OK);
      span?.end();
    },
    fail(thrown) {
      const error = toMillraceError(thrown);
      const code = statusOf(error.code);
      if (error.code === 'internal') calls.log.error({ err: thrown, method: calls.name }, 'call failed');
      calls.count(code);
      span?.end(error);
      return { code, details: error.message, metadata: trailersOf(error) };
    },
  };
}
