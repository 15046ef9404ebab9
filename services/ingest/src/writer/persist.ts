import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Repeats a call to a store until it answers: a writer has nothing better to do than to wait.
 * Waits from 100 ms, doubling, to 5 s. Rejects only when the signal aborts.
 */
export async function persist<T>(options: {
  /** What is done, for the log: logged once, at the first failure. */
  what: string;
  call: () => Promise<T>;
  signal: AbortSignal;
  log: Logger;
}): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    options.signal.throwIfAborted();
    try {
      return await options.call();
    } catch (error) {
      if (waitMs === FIRST_WAIT_MS)
        options.log.warn({ what: options.what, err: error }, 'store does not answer');
      else options.log.debug({ what: options.what, err: error }, 'store still does not answer');
    }
    await delay(waitMs, undefined, { signal: options.signal });
  }
}
