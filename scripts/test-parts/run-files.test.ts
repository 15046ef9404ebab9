import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const RUN_FILES = new URL('./run-files.ts', import.meta.url).href;

const HANGS = `
  import { spawn } from 'node:child_process';
  import { test } from 'node:test';
  test('passes', () => {});
  test('waits for ever', async () => {
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    await new Promise(() => {});
  });
`;
const SPINS_AT_EXIT = `
  import { test } from 'node:test';
  test('passes', () => {});
  process.on('exit', () => {
    for (;;);
  });
`;
const LATE = `
  import { test } from 'node:test';
  import { setTimeout as sleep } from 'node:timers/promises';
  test('at once', () => {});
  await sleep(100);
  test('later', () => {});
`;

// The runner itself ends only when nobody holds the file's output any more.
test('a file that waits for ever fails at its deadline, says where, and takes what it started with it', async (t) => {
  const { tally, said } = await runFile(t, { source: HANGS, deadlineMs: 5_000 });
  assert.deepEqual(tally, { passed: 1, failed: 1 });
  assert.match(said, /sample\.test\.mjs has not ended after 5 s; the last that began is: waits for ever\n/);
});

test('a file that spins at its exit fails at its deadline', async (t) => {
  const { tally, said } = await runFile(t, { source: SPINS_AT_EXIT, deadlineMs: 5_000 });
  assert.deepEqual(tally, { passed: 1, failed: 1 });
  assert.match(said, /has not ended after 5 s; the last that began is: passes\n/);
});

test('what is declared late is run as well', async (t) => {
  const { tally } = await runFile(t, { source: LATE, deadlineMs: 60_000 });
  assert.deepEqual(tally, { passed: 2, failed: 0 });
});

interface Run {
  readonly tally: unknown;
  /** Both outputs. */
  readonly said: string;
}

/** In a process of its own: the runner runs nothing inside a test. */
async function runFile(
  t: TestContext,
  { source, deadlineMs }: { source: string; deadlineMs: number },
): Promise<Run> {
  const directory = await temporaryDirectory(t);
  const [file, runner] = [join(directory, 'sample.test.mjs'), join(directory, 'runner.mjs')];
  await writeFile(file, source);
  await writeFile(
    runner,
    `import { runFiles } from ${JSON.stringify(RUN_FILES)};
    const tally = await runFiles({ together: [${JSON.stringify(file)}], alone: [] }, 1, ${deadlineMs});
    process.stdout.write('\\n' + JSON.stringify(tally));`,
  );
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const options = { env: inherited, timeout: 120_000 };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [runner], options, (error, stdout, stderr) => {
      if (error === null)
        resolve({ tally: JSON.parse(stdout.split('\n').at(-1) ?? ''), said: stdout + stderr });
      else reject(error);
    });
  });
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-run-files-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
