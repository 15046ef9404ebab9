import type { BenchContext } from '../bench-context.ts';
import type { Round } from '../comparison.ts';
import { cpuSecondsOf } from '../machine/process-usage.ts';
import type { BenchStack } from '../stack/bench-stack.ts';
import { watchRows } from './row-watch.ts';

const DRAIN_MS = 180_000;

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
