import { allFaults } from './all-faults.ts';
import type { Fault, FaultOutcome, Setup } from './fault.ts';
import { mutantHunts } from './mutants.ts';
import { runFault } from './run-fault.ts';
import type { TableLine } from './table.ts';

/** What {@link runMatrix} needs. */
export interface MatrixOptions {
  readonly rounds: number;
  /** Runs only faults and mutants whose name has this in it. */
  readonly only: string | undefined;
  readonly log: (line: string) => void;
}

type Job = { readonly name: string; readonly setup: Setup; readonly run: () => Promise<TableLine> };

/** Runs every fault in every setup, then every mutant, one after the other. */
export async function runMatrix({ rounds, only, log }: MatrixOptions): Promise<TableLine[]> {
  const jobs = [...faultJobs(rounds, log), ...mutantJobs(log)].filter(
    ({ name }) => only === undefined || name.includes(only),
  );
  const lines: TableLine[] = [];
  for (const [place, job] of jobs.entries()) {
    const where = `${job.setup.topology}${job.setup.redis ? ' with Redis' : ''}`;
    const startedAt = performance.now();
    const line = await job.run();
    const took = Math.round((performance.now() - startedAt) / 1000);
    log(`${place + 1}/${jobs.length} ${job.name}, ${where}: ${line.verdict} in ${took} s`);
    for (const problem of line.problems) log(`    ${problem}`);
    lines.push(line);
  }
  return lines;
}

function faultJobs(rounds: number, log: (line: string) => void): Job[] {
  return allFaults.flatMap((fault) =>
    fault.setups.map((setup) => ({
      name: fault.name,
      setup,
      async run() {
        const outcome = await attempt(fault, setup, rounds, () => runFault({ fault, setup, rounds, log }));
        return { ...outcome, verdict: outcome.problems.length === 0 ? 'ok' : 'FAILED' };
      },
    })),
  );
}

function mutantJobs(log: (line: string) => void): Job[] {
  return mutantHunts.flatMap(({ mutant, fault, setups }) =>
    setups.map((setup) => ({
      name: `mutant ${mutant} under ${fault.name}`,
      setup,
      async run() {
        const outcome = await attempt(fault, setup, 1, () =>
          runFault({ fault, setup, rounds: 1, mutant, log }),
        );
        const isCaught = outcome.lost + outcome.doubled > 0;
        return { ...outcome, fault: `mutant ${mutant}`, verdict: isCaught ? 'caught' : 'SURVIVED' };
      },
    })),
  );
}

/** A run that breaks off has shown nothing: it counts as failed, and the others go on. */
async function attempt(
  fault: Fault,
  setup: Setup,
  rounds: number,
  run: () => Promise<FaultOutcome>,
): Promise<FaultOutcome> {
  try {
    return await run();
  } catch (error) {
    const nothing = {
      sent: 0,
      accepted: 0,
      unknown: 0,
      rows: 0,
      lost: 0,
      doubled: 0,
      longestMs: 0,
      drainMs: 0,
      calls: undefined,
    };
    const reason = error instanceof Error ? error.message : String(error);
    return {
      fault: fault.name,
      ...setup,
      rounds,
      ...nothing,
      outageMs: undefined,
      recoveryMs: undefined,
      problems: [reason],
    };
  }
}
