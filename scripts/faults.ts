import { Command, InvalidArgumentError } from 'commander';
import { runMatrix } from '../tests/faults/matrix/run-matrix.ts';
import { renderTable } from '../tests/faults/matrix/table.ts';

const program = new Command('scripts/faults')
  .description('Kill, pause and cut off every part under load, and count what was lost or doubled.')
  .option('--rounds <n>', 'injections of each fault; from 3 on, pauses last up to 30 s', parseRounds, 1)
  .option('--only <name>', 'only faults and mutants with this in their name')
  .allowExcessArguments(false);

const { rounds, only } = program.parse().opts<{ rounds: number; only?: string }>();
const lines = await runMatrix({ rounds, only, log: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`${renderTable(lines)}\n`);
const failed = lines.filter(({ verdict }) => verdict === 'FAILED' || verdict === 'SURVIVED').length;
process.stdout.write(`\n${lines.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || lines.length === 0 ? 1 : 0;

function parseRounds(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('rounds is a whole number from 1 on.');
  return count;
}
