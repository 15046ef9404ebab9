import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationPage } from './generate-parts/configuration-page.ts';

/**
 * Makes what is made from something else: the contracts from `proto/`, the page of settings from the schemas.
 * With `--check` it writes nothing and exits 1 when something isn't current.
 */
const CONFIGURATION = 'docs/configuration.md';
const CONTRACTS = 'packages/contracts/gen';

process.chdir(new URL('..', import.meta.url).pathname);
if (process.argv.includes('--check')) check();
else {
  run('node_modules/.bin/buf', ['generate']);
  writeFileSync(CONFIGURATION, configurationPage());
}

function check(): void {
  const stale: string[] = [];
  if (readFileSync(CONFIGURATION, 'utf8') !== configurationPage()) stale.push(CONFIGURATION);
  const before = run('git', ['hash-object', '--stdin-paths'], contractFiles());
  run('node_modules/.bin/buf', ['generate']);
  if (run('git', ['hash-object', '--stdin-paths'], contractFiles()) !== before) stale.push(CONTRACTS);
  if (stale.length === 0) return;
  process.stderr.write(`not current: ${stale.join(', ')}; run pnpm generate\n`);
  process.exitCode = 1;
}

function contractFiles(): string {
  return run('git', ['ls-files', '--cached', '--others', '--exclude-standard', CONTRACTS]);
}

function run(program: string, args: readonly string[], input = ''): string {
  const done = spawnSync(program, args, { encoding: 'utf8', input });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${done.stderr}${done.error ?? ''}`);
  return done.stdout;
}
