import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runChecks } from './test-parts/checks.ts';
import { installPrerequisites } from './test-parts/prerequisites.ts';
import { runFiles, type Tally } from './test-parts/run-files.ts';

interface Part {
  readonly name: string;
  run(): Promise<Tally>;
}

const UNIT = [
  'packages/*/src/**/*.test.ts',
  'services/*/src/**/*.test.ts',
  'scripts/**/*.test.ts',
  'bench/src/**/*.test.ts',
];
const INTEGRATION = ['packages/*/src/**/*.integration.test.ts', 'services/*/src/**/*.integration.test.ts'];

const parts: readonly Part[] = [
  { name: 'checks', run: runChecks },
  {
    name: 'unit',
    run: () => runTests(UNIT, { except: '.integration.test.ts', concurrency: availableParallelism() }),
  },
  { name: 'integration', run: () => runTests(INTEGRATION, { concurrency: 2 }) },
  { name: 'conformance', run: () => runTests(['tests/conformance/**/*.test.ts'], { concurrency: 2 }) },
  { name: 'e2e', run: () => runTests(['tests/e2e/**/*.test.ts'], { concurrency: 1 }) },
  { name: 'faults', run: () => runTests(['tests/faults/**/*.test.ts'], { concurrency: 1 }) },
];

function runTests(
  patterns: readonly string[],
  options: { except?: string; concurrency: number },
): Promise<Tally> {
  const files = globSync(patterns, { exclude: (path) => path.includes('node_modules') }).filter(
    (file) => options.except === undefined || !file.endsWith(options.except),
  );
  if (files.length === 0) throw new Error(`no test matches ${patterns.join(' ')}`);
  return runFiles(files.sort(), options.concurrency);
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    const known = parts.map((part) => part.name).join(', ');
    process.stderr.write(`unknown part: ${unknown.join(', ')}; there are ${known}\n`);
    return 2;
  }
  await installPrerequisites();
  const total = { passed: 0, failed: 0 };
  for (const part of parts) {
    if (names.length > 0 && !names.includes(part.name)) continue;
    const began = performance.now();
    process.stdout.write(`\n== ${part.name}\n`);
    const tally = await part.run();
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
