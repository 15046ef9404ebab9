import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 25;

/** How rows arrived, from the first that was seen to the last. */
export interface Arrival {
  /** Rows that arrived after the first look that saw any: what came before it has an unknown beginning. */
  readonly rows: number;
  readonly seconds: number;
}

/** Watches a table grow to a number of rows. Throws when that takes too long. */
export async function watchRows(options: {
  count: () => Promise<number>;
  from: number;
  to: number;
  timeoutMs: number;
  /** Called when the first rows are there. */
  onFirst: () => void;
}): Promise<Arrival> {
  const { count, from, to } = options;
  const deadline = performance.now() + options.timeoutMs;
  let first: { rows: number; at: number } | undefined;
  for (;;) {
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
    await sleep(LOOK_MS);
  }
}
