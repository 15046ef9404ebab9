import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';

/**
 * Ends a unary call at the caller's deadline, and after `maxMs` in any case. A caller that asks for more gets `maxMs`:
 * refusing the call, as connect's own `maxTimeoutMs` does, would break clients with generous defaults.
 */
export function limitUnaryCalls(maxMs: number): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const over = new Promise<never>((_, reject) => {
      // The error is made only when it is needed: its stack costs more than the timer.
      timer = setTimeout(
        () => reject(new ConnectError(`no answer within ${maxMs} ms`, Code.DeadlineExceeded)),
        maxMs,
      );
      onAbort = () => reject(request.signal.reason);
      request.signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([next(request), over]);
    } finally {
      clearTimeout(timer);
      if (onAbort) request.signal.removeEventListener('abort', onAbort);
    }
  };
}
