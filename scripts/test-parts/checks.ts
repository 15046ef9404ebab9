import { spawnSync } from 'node:child_process';

/** A command that must succeed. */
interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** The contract is held against the last release: what is released must stay readable, whatever a day's commits do. */
const RELEASED = 'proto/baseline.binpb';

const checks: readonly Check[] = [
  { name: 'formatting and lint', command: ['biome', 'ci', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '--noEmit', '--project', '.'] },
  { name: 'buf lint', command: ['buf', 'lint'] },
  { name: 'buf format', command: ['buf', 'format', '--diff', '--exit-code'] },
  { name: 'buf breaking', command: ['buf', 'breaking', '--against', RELEASED] },
  { name: 'what is generated is current', command: ['node', 'scripts/generate.ts', '--check'] },
];

/** Formatting, lint, types and contracts. */
export async function runChecks(): Promise<{ passed: number; failed: number }> {
  const tally = { passed: 0, failed: 0 };
  for (const check of checks) {
    const [program, ...args] = check.command;
    const path = program === 'node' ? process.execPath : `node_modules/.bin/${program}`;
    const done = spawnSync(path, args, { encoding: 'utf8' });
    const ok = done.status === 0;
    tally[ok ? 'passed' : 'failed']++;
    process.stdout.write(`${ok ? '✔' : '✖'} ${check.name}\n`);
    if (!ok) process.stdout.write(`${done.stdout}${done.stderr}${done.error?.message ?? ''}\n`);
  }
  return tally;
}
