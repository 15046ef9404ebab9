import {
  Code,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import type { Logger } from '@millrace/runtime';
import { toConnectError } from './failure.ts';

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

/** Writes down how a call ended and turns what a handler throws into what the caller is told; logs the unexpected. */
export function recordCalls(log: Logger): Interceptor {
  return (next) => async (request) => {
    const record = request.contextValues.get(recordKey);
    try {
      const response = await next(request);
      if (record) record.code = 'OK';
      return response;
    } catch (thrown) {
      const error = toConnectError(thrown);
      if (record) record.code = nameOf(error.code);
      if (error.code === Code.Internal)
        log.error({ err: thrown, method: request.method.name }, 'call failed');
      throw error;
    }
  };
}

/** Writes down what a gate refuses: such a call reaches no interceptor. */
export function recordRefusals(
  gate: (context: HandlerContext) => Promise<void>,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    try {
      await gate(context);
    } catch (thrown) {
      const error = toConnectError(thrown);
      const record = context.values.get(recordKey);
      if (record) record.code = nameOf(error.code);
      throw error;
    }
  };
}

function nameOf(code: Code): string {
  return codeToString(code).toUpperCase();
}
