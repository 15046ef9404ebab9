import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime';

/** Repeats a check until it stops throwing, and returns what it yields; after the time-out its last error is thrown. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await sleep(intervalMs);
  }
}

/** A clock that moves only when it is told to. */
export interface FixedClock extends Clock {
  advance(ms: number): void;
}

/** Makes a clock that stands at `startMs` since 1970; its monotonic time starts at 0. */
export function createFixedClock(startMs: number): FixedClock {
  let elapsedMs = 0;
  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    advance(ms) {
      elapsedMs += ms;
    },
  };
}

/** What is pushed takes milliseconds; what is only asked for again takes 20 s or more, and would be too late here. */
const PUSHED_WITHIN_MS = 15_000;

/**
 * As {@link eventually}, for a change that is pushed to every process. How long it took is told, not held against a bound:
 * that is the machine's business.
 */
export async function untilPushed<T>(
  t: Pick<TestContext, 'diagnostic'>,
  what: string,
  check: () => T | Promise<T>,
): Promise<T> {
  const beganAt = performance.now();
  const result = await eventually(check, { timeoutMs: PUSHED_WITHIN_MS, intervalMs: 10 });
  t.diagnostic(`${what} after ${(performance.now() - beganAt).toFixed(0)} ms`);
  return result;
}
