import type { Clock } from '@millrace/runtime';

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
