import { resolve } from 'node:path';
import { stopStack } from '@millrace/embedded';
import { Command } from 'commander';

const program = new Command('scripts/down')
  .description('Stop the embedded stack of a data directory, and only that one.')
  .option('--data <dir>', 'data directory', resolve(import.meta.dirname, '../.millrace'))
  .allowExcessArguments(false);

const { data } = program.parse().opts<{ data: string }>();
const outcome = await stopStack({ dataDir: data, graceMs: 60_000 });
process.stdout.write(
  outcome.kind === 'stopped' ? `stopped process ${outcome.pid}\n` : 'nothing runs there\n',
);
