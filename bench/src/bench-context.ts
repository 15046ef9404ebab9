import type { LoadGenerator } from './load/generator.ts';
import type { CorePlan } from './machine/core-plan.ts';

/** What every scenario runs with. */
export interface BenchContext {
  readonly cores: CorePlan;
  /** Rounds of each side. */
  readonly rounds: number;
  /** Measured seconds of each round. */
  readonly seconds: number;
  /** Where directories for the stacks' data are made. */
  readonly dataRoot: string;
  /** Events that are stored once, and kept for the next run. */
  readonly kept: { readonly rows: number; readonly directory: string };
  readonly generator: LoadGenerator;
  /** Where to leave processor profiles of the measured processes; undefined for none. */
  readonly profileDir: string | undefined;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}
