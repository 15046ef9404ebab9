import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { BenchContext } from './bench-context.ts';
import { startLoadGenerator } from './load/generator.ts';
import { planCoresHere } from './machine/core-plan.ts';
import { describeMachine, describePlan, formatMachine } from './machine/describe-machine.ts';
import { formatTimeSpent, readTimeSpent } from './profile.ts';
import { aimReached, benches, describeFigures, type Figures, type Scenario } from './scenarios.ts';

interface BenchOptions {
  seconds: number;
  rounds: number;
  only?: string;
  data: string;
  rows: number;
  kept: string;
  json?: true;
  profile?: true;
}

const names = Object.entries(benches)
  .map(([bench, scenarios]) => `${bench} (${scenarios.map(({ name }) => name).join(', ')})`)
  .join('; ');

const program = new Command('scripts/bench')
  .description(`Measure against the raw limit in the same run: ${names}.`)
  .argument('<name>', Object.keys(benches).join(' or '))
  .option('--seconds <n>', 'measured seconds of each round', parseCount, 5)
  .option('--rounds <n>', 'rounds of each side', parseCount, 5)
  .option('--only <names>', 'some scenarios, separated by commas')
  .option('--data <dir>', 'where directories for the data are made and removed', tmpdir())
  .option('--rows <n>', 'events that query asks of, at least 100000', parseRows, 50_000_000)
  .option(
    '--kept <dir>',
    'where query keeps them for the next run; 2.5 GB',
    join(import.meta.dirname, '../../.bench'),
  )
  .option('--profile', 'profile the measured process and print where its time went; slows it by some percent')
  .option('--json', 'print figures for machines')
  .allowExcessArguments(false);

await main();

async function main(): Promise<void> {
  program.parse();
  const options = program.opts<BenchOptions>();
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  }
  try {
    const scenarios = chooseScenarios(program.args[0] ?? '', options.only);
    const figures = await runScenarios(scenarios, options, stopping.signal);
    process.exitCode = figures.every((one) => aimReached(one) !== false) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 2;
  }
}

function chooseScenarios(bench: string, only: string | undefined): readonly Scenario[] {
  const scenarios = benches[bench];
  if (scenarios === undefined)
    throw new Error(`there is no bench ${bench}; there are ${Object.keys(benches).join(', ')}`);
  if (only === undefined) return scenarios;
  return only.split(',').map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (found === undefined) {
      throw new Error(
        `${bench} has no ${name}; it has ${scenarios.map((scenario) => scenario.name).join(', ')}`,
      );
    }
    return found;
  });
}

async function runScenarios(
  scenarios: readonly Scenario[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<Figures[]> {
  const cores = await planCoresHere();
  const machine = await describeMachine(options.data);
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const print = (text: string) => (options.json ? progress(text) : process.stdout.write(text));
  const profileDir = options.profile ? await mkdtemp(join(tmpdir(), 'millrace-profile-')) : undefined;
  print(`${formatMachine(machine)}${describePlan(cores)}\n`);

  const generator = await startLoadGenerator(cores.load);
  const results: Figures[] = [];
  try {
    const { seconds, rounds } = options;
    const dataRoot = resolve(options.data);
    const context: BenchContext = {
      cores,
      seconds,
      rounds,
      dataRoot,
      kept: { rows: options.rows, directory: resolve(options.kept) },
      generator,
      profileDir,
      progress,
      signal,
    };
    for (const scenario of scenarios) {
      const figures = await scenario.run(context);
      results.push(figures);
      print(`${describeFigures(figures)}\n`);
      if (profileDir !== undefined) print(`${formatTimeSpent(readTimeSpent(profileDir, scenario.name))}\n`);
    }
  } finally {
    await generator.stop();
  }
  if (profileDir !== undefined) print(`profiles for a browser's developer tools: ${profileDir}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, cores, results }, null, 2)}\n`);
  return results;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new InvalidArgumentError('a whole number from 1 to 9999 is needed.');
  return Number(text);
}

function parseRows(text: string): number {
  const rows = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(rows) || rows < 100_000)
    throw new InvalidArgumentError('a whole number from 100000 on is needed.');
  return rows;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${explain(error.cause)}`;
}
