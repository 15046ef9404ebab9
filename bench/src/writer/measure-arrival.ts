import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench-context.ts';
import type { Round } from '../comparison.ts';
import { cpuSecondsOf } from '../machine/pinned-process.ts';
import type { BenchStack } from '../stack/bench-stack.ts';

const DRAIN_MS = 180_000;

/** How often is looked while the moment of a change matters. Each look costs ClickHouse 2 ms, so not always. */
const CLOSE_LOOK_MS = 20;
const DISTANT_LOOK_MS = 250;

/** Of all rows: the end is near when fewer are missing. */
const NEAR_END = 0.15;

/** A round of the writer or of the raw insert. */
export interface WriterRound extends Round {
  /** Processor time of ClickHouse for each row, in microseconds. */
  readonly clickHouseMicros: number;
}

/** Measures a process and ClickHouse from the first rows that it brings to the last. */
export async function measureArrival(options: {
  context: BenchContext;
  process: { readonly pid: number; readonly ended: AbortSignal };
  stack: BenchStack;
  count: () => Promise<number>;
  from: number;
  to: number;
}): Promise<WriterRound> {
  const { pid, ended } = options.process;
  const { stack } = options;
  const clickHouse = stack.pidOf('clickhouse');
  const usage = () => ({ own: cpuSecondsOf(pid), clickHouse: cpuSecondsOf(clickHouse) });
  let before = usage();
  const signal = AbortSignal.any([ended, options.context.signal]);
  const onFirst = () => {
    before = usage();
  };
  const { rows, seconds } = await watchRows({ ...options, timeoutMs: DRAIN_MS, onFirst, signal });
  const after = usage();
  return {
    rate: rows / seconds,
    cpuMicros: ((after.own - before.own) / rows) * 1e6,
    busy: (after.own - before.own) / seconds,
    clickHouseMicros: ((after.clickHouse - before.clickHouse) / rows) * 1e6,
  };
}

/** How rows arrived, from the first that was seen to the last. */
interface Arrival {
  /** Rows that arrived after the first look that saw any: what came before it has an unknown beginning. */
  readonly rows: number;
  readonly seconds: number;
}

/** Watches a table grow to a number of rows. Throws when that takes too long or the signal aborts. */
async function watchRows(options: {
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
