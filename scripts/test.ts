import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runChecks } from './test-parts/checks.ts';
import { parseChoice } from './test-parts/choice.ts';
import { installPrerequisites } from './test-parts/prerequisites.ts';
import { runFiles, type Tally } from './test-parts/run-files.ts';
import { schedule } from './test-parts/schedule.ts';

interface Part {
  readonly name: string;
  /** Whether names of files narrow it to something. */
  has(names: readonly string[]): boolean;
  run(names: readonly string[]): Promise<Tally>;
}

const UNIT = [
  'packages/*/src/**/*.test.ts',
  'services/*/src/**/*.test.ts',
  'scripts/**/*.test.ts',
  'bench/src/**/*.test.ts',
];
const INTEGRATION = ['packages/*/src/**/*.integration.test.ts', 'services/*/src/**/*.integration.test.ts'];

// What starts processes waits for them for a part of its time: more files at a time than the usual two cores keep them busy.
const parts: readonly Part[] = [
  { name: 'checks', has: (names) => names.length === 0, run: runChecks },
  testsIn('unit', UNIT, { except: '.integration.test.ts', concurrency: availableParallelism() }),
  testsIn('integration', INTEGRATION, { concurrency: 3 }),
  testsIn('conformance', ['tests/conformance/**/*.test.ts'], { concurrency: 3 }),
  testsIn('e2e', ['tests/e2e/**/*.test.ts'], { concurrency: 2 }),
  testsIn('faults', ['tests/faults/**/*.test.ts'], { concurrency: 2 }),
];

function testsIn(
  name: string,
  patterns: readonly string[],
  options: { except?: string; concurrency: number },
): Part {
  const filesWith = (names: readonly string[]): string[] => {
    const files = globSync(patterns, { exclude: (path) => path.includes('node_modules') }).filter(
      (file) => options.except === undefined || !file.endsWith(options.except),
    );
    if (files.length === 0) throw new Error(`no test matches ${patterns.join(' ')}`);
    return files.filter((file) => names.length === 0 || names.some((text) => file.includes(text)));
  };
  return {
    name,
    has: (names) => filesWith(names).length > 0,
    run: (names) => runFiles(schedule(filesWith(names)), options.concurrency),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const choice = parseChoice(
    args,
    parts.map(({ name }) => name),
  );
  if (choice.kind === 'unknown') {
    process.stderr.write(`${choice.problem}\n`);
    return 2;
  }
  const { names } = choice;
  const chosen = parts.filter((part) => choice.parts.includes(part.name));
  const missing = names.filter((name) => !chosen.some((part) => part.has([name])));
  if (missing.length > 0) {
    process.stderr.write(`no file of ${choice.parts.join(', ')} has ${missing.join(' or ')} in its path\n`);
    return 2;
  }
  await installPrerequisites();
  const total = { passed: 0, failed: 0 };
  for (const part of chosen) {
    if (!part.has(names)) continue;
    const began = performance.now();
    process.stdout.write(`\n== ${part.name}\n`);
    const tally = await part.run(names);
    total.passed += tally.passed;
    total.failed += tally.failed;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    process.stdout.write(`== ${part.name}: ${tally.passed} passed, ${tally.failed} failed in ${seconds} s\n`);
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}

process.chdir(new URL('..', import.meta.url).pathname);
process.exitCode = await main(process.argv.slice(2));
