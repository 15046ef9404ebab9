import type { Clock, Logger } from '@millrace/runtime';

const INTERVAL_MS = 10_000;

/** Says that requests are answered 503: at most once in ten seconds, and not for each of thousands. */
export function createOutageLog(deps: { clock: Pick<Clock, 'monotonic'>; log: Logger }): {
  report(cause: unknown): void;
} {
  let nextAt = Number.NEGATIVE_INFINITY;
  let requests = 0;
  return {
    report(cause) {
      requests++;
      const now = deps.clock.monotonic();
      if (now < nextAt) return;
      deps.log.warn({ err: cause, requests }, 'requests are answered 503');
      nextAt = now + INTERVAL_MS;
      requests = 0;
    },
  };
}
