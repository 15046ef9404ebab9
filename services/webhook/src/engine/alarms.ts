import type { Clock } from '@millrace/runtime';
import TinyQueue from 'tinyqueue';

/** Calls back when a time has come, by the wall clock. */
export interface Alarms {
  /** `atMs`: milliseconds since 1970. What has passed already is called in the next turn. */
  at(atMs: number, ring: () => void): void;
  close(): void;
}

/** Longest sleep: a wall clock may be set. */
const LONGEST_MS = 1_000;

/** One timer, however many wait. */
export function createAlarms(clock: Clock): Alarms {
  const queue = new TinyQueue<{ atMs: number; ring: () => void }>([], (a, b) => a.atMs - b.atMs);
  let timer: NodeJS.Timeout | undefined;
  let wakesAtMs = Number.POSITIVE_INFINITY;
  let isClosed = false;

  const arm = (): void => {
    const first = queue.peek();
    if (first === undefined || isClosed || (timer !== undefined && wakesAtMs <= first.atMs)) return;
    clearTimeout(timer);
    wakesAtMs = first.atMs;
    timer = setTimeout(wake, Math.min(Math.max(0, first.atMs - clock.now()), LONGEST_MS));
  };
  const wake = (): void => {
    timer = undefined;
    wakesAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.now();
    for (let first = queue.peek(); first !== undefined && first.atMs <= nowMs; first = queue.peek()) {
      queue.pop();
      first.ring();
    }
    arm();
  };

  return {
    at(atMs, ring) {
      queue.push({ atMs, ring });
      arm();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
