import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Generates the contracts elsewhere and compares: a proto changed without `pnpm generate` fails. */
const directory = mkdtempSync(join(tmpdir(), 'millrace-generated-'));
try {
  const generated = spawnSync('node_modules/.bin/buf', ['generate', '--output', directory], {
    encoding: 'utf8',
  });
  if (generated.status !== 0) fail(generated.stderr);
  const target = 'packages/contracts/gen';
  const difference = spawnSync('diff', ['--recursive', '--brief', join(directory, target), target], {
    encoding: 'utf8',
  });
  if (difference.status !== 0) fail(`${difference.stdout}run: pnpm generate`);
} finally {
  rmSync(directory, { recursive: true });
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
