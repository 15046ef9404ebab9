import { setTimeout as sleep } from 'node:timers/promises';

/** How often is looked while the moment of a change matters. Each look costs ClickHouse 2 ms, so not always. */
const CLOSE_LOOK_MS = 20;
const DISTANT_LOOK_MS = 250;

/** Of all rows: the end is near when fewer are missing. */
const NEAR_END = 0.15;

/** How rows arrived, from the first that was seen to the last. */
export interface Arrival {
  /** Rows that arrived after the first look that saw any: what came before it has an unknown beginning. */
  readonly rows: number;
  readonly seconds: number;
}

/** Watches a table grow to a number of rows. Throws when that takes too long or the signal aborts. */
export async function watchRows(options: {
  count: () => Promise<number>;
  from: number;
  to: number;
  timeoutMs: number;
  /** Called when the first rows are there. */
  onFirst: () => void;
  signal: AbortSignal;
}): Promise<Arrival> {
  const { count, from, to, signal } = options;
  const deadline = performance.now() + options.timeoutMs;
  let first: { rows: number; at: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const rows = await count();
    const now = performance.now();
    if (rows > to) throw new Error(`${to} rows were expected and there are ${rows}`);
    if (first === undefined && rows > from) {
      first = { rows, at: now };
      options.onFirst();
    }
    if (first !== undefined && rows === to) {
      if (rows === first.rows) throw new Error('all rows came in one batch: give it more');
      return { rows: rows - first.rows, seconds: (now - first.at) / 1000 };
    }
    if (now > deadline) throw new Error(`${to - rows} rows are missing after ${options.timeoutMs} ms`);
    const isDistant = first !== undefined && to - rows > (to - from) * NEAR_END;
    await sleep(isDistant ? DISTANT_LOOK_MS : CLOSE_LOOK_MS);
  }
}
