import type { Clock } from '@millrace/runtime';

/** Least pause between two looks for what is due, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** Things that must end within a time. */
export interface Deadlines<Item> extends Iterable<Item> {
  /** Begins an item's time. */
  add(item: Item, nowMs: number): void;
  /** Of an item that has ended, or was never there. */
  delete(item: Item): void;
}

/**
 * Tells of items whose time is up, at most 50 ms late. All have the same time, so the one that came first is due first,
 * and one timer does for any number of them.
 */
export function createDeadlines<Item>({
  clock,
  timeoutMs,
  onDue,
}: {
  clock: Clock;
  timeoutMs: number;
  onDue: (item: Item) => void;
}): Deadlines<Item> {
  const dueAtMs = new Map<Item, number>();
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    timer = undefined;
    const nowMs = clock.monotonic();
    for (const [item, atMs] of dueAtMs) {
      if (atMs > nowMs) {
        lookIn(Math.max(atMs - nowMs, LOOK_EVERY_MS));
        return;
      }
      dueAtMs.delete(item);
      onDue(item);
    }
  };
  const lookIn = (ms: number): void => {
    // What is under way has a socket that keeps the process alive.
    timer ??= setTimeout(look, ms).unref();
  };

  return {
    add(item, nowMs) {
      dueAtMs.set(item, nowMs + timeoutMs);
      if (timer === undefined) lookIn(timeoutMs);
    },
    // The timer stays: one that finds nothing due costs less than one set and cleared for each item.
    delete: (item) => dueAtMs.delete(item),
    [Symbol.iterator]: () => dueAtMs.keys(),
  };
}
