import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import type { Logger } from '@millrace/runtime';
import { blameMessage, toConnectError } from './failure.ts';

/** How one call ended. */
export interface CallRecord {
  /** gRPC's name of the code, for example `OK`; undefined until it is known. */
  code: string | undefined;
}

/** Told of every call when it is over. */
export interface RpcMetrics {
  called(service: string, method: string, code: string, seconds: number): void;
}

const recordKey = createContextKey<CallRecord | undefined>(undefined, { description: 'call record' });

/** Context values that carry a call's record. */
export function valuesWith(record: CallRecord) {
  return createContextValues().set(recordKey, record);
}

/**
 * Writes down how a call ended and turns what a handler throws into what the caller is told; logs the unexpected.
 * What came first stands: a handler may well finish after its caller has gone.
 */
export function recordCalls(log: Logger): Interceptor {
  return (next) => async (request) => {
    const record = request.contextValues.get(recordKey);
    const fail = (thrown: unknown): ConnectError => {
      const error = request.signal.aborted ? reasonOf(request.signal) : toConnectError(thrown);
      if (record) record.code ??= nameOf(error.code);
      // An error of connect's own is about what it was sent.
      if (error.code === Code.Internal && error !== thrown)
        log.error({ err: thrown, method: request.method.name }, 'call failed');
      return error;
    };
    const succeed = () => {
      if (record) record.code ??= 'OK';
    };
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watched(response.message, succeed, fail) };
      succeed();
      return response;
    } catch (thrown) {
      throw fail(thrown);
    }
  };
}

/** The messages of an answer, which are made while they are sent: only their end tells how the call went. */
async function* watched<Message>(
  messages: AsyncIterable<Message>,
  succeed: () => void,
  fail: (thrown: unknown) => ConnectError,
): AsyncGenerator<Message> {
  try {
    yield* messages;
  } catch (thrown) {
    throw fail(thrown);
  }
  succeed();
}

/** Why a call is over: its deadline has passed, or its caller has gone, for which HTTP/1.1 gives no reason. */
function reasonOf(signal: AbortSignal): ConnectError {
  const { reason } = signal;
  return reason instanceof ConnectError ? reason : new ConnectError('the caller has gone', Code.Canceled);
}

/**
 * Writes down how calls end that reach no interceptor: what the gate refuses, what can't be read, what the caller gives up.
 * Connect ends a call's signal with the error that it is about to send, which is the one place to see and mend it.
 */
export function recordUnhandled(
  gate: (context: HandlerContext) => Promise<void>,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const record = context.values.get(recordKey);
    const { signal } = context;
    const onEnd = () => {
      if (!(signal.reason instanceof ConnectError)) return;
      blameMessage(signal.reason);
      if (record) record.code ??= nameOf(signal.reason.code);
    };
    signal.addEventListener('abort', onEnd, { once: true });
    if (signal.aborted) onEnd();
    try {
      await gate(context);
    } catch (thrown) {
      const error = toConnectError(thrown);
      if (record) record.code = nameOf(error.code);
      throw error;
    }
  };
}

function nameOf(code: Code): string {
  return codeToString(code).toUpperCase();
}

/** Where a call comes from, for the audit log. */
export interface CallOrigin {
  /** The caller's `X-Request-Id` or one made here; echoed in the answer. */
  readonly requestId: string;
  /** The client's IP address, as the connection or a trusted proxy tells it. */
  clientAddress(): string;
}

const UNKNOWN: CallOrigin = { requestId: '', clientAddress: () => '' };

const originKey = createContextKey<CallOrigin>(UNKNOWN, { description: 'call origin' });

/** Adds a call's origin to its context values. */
export function withOrigin(values: ContextValues, origin: CallOrigin): ContextValues {
  return values.set(originKey, origin);
}

/** Where the call comes from. */
export function originOf(context: HandlerContext): CallOrigin {
  return context.values.get(originKey);
}
