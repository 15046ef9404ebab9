import { relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

/** How many passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

/**
 * Runs test files, each in a process of its own. Says one line for each that has ended, with how many there are and
 * how long it has taken so far, and all of what failed.
 */
export async function runFiles(files: readonly string[], concurrency: number): Promise<Tally> {
  const began = performance.now();
  const tally = { passed: 0, failed: 0 };
  let ended = 0;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const stream = run({ files: [...files], concurrency, isolation: 'process' });
  stream.on('test:fail', ({ name, file, line, details: { error } }) => {
    // A suite fails by its tests, which have been shown.
    if ('failureType' in error && error.failureType === 'subtestsFailed') return;
    const where = file === undefined ? '' : ` (${relative('.', file)}:${line ?? 0})`;
    say(`✖ ${name}${where}\n${inspect(error.cause ?? error)}`);
  });
  stream.on('test:diagnostic', ({ nesting, message }) => {
    if (nesting > 0) say(`  ${message}`);
  });
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  stream.on('test:summary', ({ file, counts }) => {
    // A cancelled or skipped test has shown nothing.
    const failed = counts.tests - counts.passed;
    if (file === undefined) {
      Object.assign(tally, { passed: counts.passed, failed });
      return;
    }
    ended += 1;
    const outcome = failed === 0 ? `✔ ${counts.passed}` : `✖ ${failed} of ${counts.tests} failed`;
    say(`[${ended}/${files.length} ${minutes(performance.now() - began)}] ${relative('.', file)} ${outcome}`);
  });
  // Read to the end, or the run never ends.
  for await (const _ of stream);
  return tally;
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
