import type { IncomingHttpHeaders } from 'node:http';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';

/**
 * Ends a unary call at the caller's deadline, and after `maxMs` in any case. A caller that asks for more gets `maxMs`:
 * refusing the call, as connect's own `maxTimeoutMs` does, would break clients with generous defaults.
 */
export function limitUnaryCalls(maxMs: number): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    // A signal that has aborted already tells nobody again.
    request.signal.throwIfAborted();
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

/** The longest that a timer of Node's can take; a longer one ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const CONNECT_TIMEOUT = /^\d{1,10}$/;
const GRPC_TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Makes of the caller's deadline what connect can be given: one beyond `maxMs` becomes `maxMs`. One of nothing, which both
 * protocols exclude and connect takes, becomes one that connect refuses, as it does all others that are no deadline.
 */
export function cutDeadline(headers: IncomingHttpHeaders, maxMs = MAX_TIMER_MS): void {
  const connect = headers['connect-timeout-ms'];
  if (typeof connect === 'string' && CONNECT_TIMEOUT.test(connect)) {
    headers['connect-timeout-ms'] = usable(connect, Number(connect), maxMs, String(maxMs));
  }
  const grpc = headers['grpc-timeout'];
  const [, count, unit] = (typeof grpc === 'string' && GRPC_TIMEOUT.exec(grpc)) || [];
  if (typeof grpc === 'string' && count !== undefined && unit !== undefined) {
    // Of milliseconds eight digits are too few for the longest.
    const longest = maxMs < 100_000_000 ? `${maxMs}m` : `${Math.floor(maxMs / 1_000)}S`;
    headers['grpc-timeout'] = usable(grpc, Number(count) * (UNIT_MS[unit] ?? 0), maxMs, longest);
  }
}

function usable(deadline: string, deadlineMs: number, maxMs: number, longest: string): string {
  if (deadlineMs > maxMs) return longest;
  return deadlineMs === 0 ? `${deadline} (must be positive)` : deadline;
}

/** The messages of a stream; fails with `deadline_exceeded` when the caller is silent for too long. */
export async function* withIdleDeadline<Message>(
  messages: AsyncIterable<Message>,
  idleMs: number,
): AsyncGenerator<Message> {
  const iterator = messages[Symbol.asyncIterator]();
  for (;;) {
    const next = await nextWithin(iterator, idleMs);
    if (next.done) return;
    yield next.value;
  }
}

async function nextWithin<Message>(
  iterator: AsyncIterator<Message>,
  idleMs: number,
): Promise<IteratorResult<Message>> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ConnectError(`no message for ${idleMs} ms`, Code.DeadlineExceeded)),
      idleMs,
    );
  });
  try {
    return await Promise.race([iterator.next(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
