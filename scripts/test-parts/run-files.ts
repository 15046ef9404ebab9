import { relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { endLateFiles } from './end-late-files.ts';
import type { Schedule } from './schedule.ts';

/** The slowest takes a third of it on two busy cores. */
const FILE_DEADLINE_MS = 15 * 60_000;

/** How many passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

/**
 * Runs test files, each in a process of its own. Says one line for each that has ended, with how many there are, how
 * long all have taken so far and how long this one took, and all of what failed. A file that has not ended at its
 * deadline fails, and what it started is killed.
 */
export async function runFiles(
  { together, alone }: Schedule,
  concurrency: number,
  deadlineMs = FILE_DEADLINE_MS,
): Promise<Tally> {
  const progress: Progress = {
    total: together.length + alone.length,
    ended: 0,
    beganAtMs: performance.now(),
    tally: { passed: 0, failed: 0 },
  };
  await runSome(together, { concurrency, deadlineMs, progress });
  await runSome(alone, { concurrency: 1, deadlineMs, progress });
  return progress.tally;
}

interface Progress {
  readonly total: number;
  ended: number;
  readonly beganAtMs: number;
  readonly tally: Tally;
}

async function runSome(
  files: readonly string[],
  { concurrency, deadlineMs, progress }: { concurrency: number; deadlineMs: number; progress: Progress },
): Promise<void> {
  if (files.length === 0) return;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const stream = run({ files: [...files], concurrency, isolation: 'process' });
  endLateFiles(stream, deadlineMs, (file, lastBegun) => {
    say(
      `✖ ${relative('.', file)} has not ended after ${deadlineMs / 1_000} s; the last that began is: ${lastBegun}`,
    );
  });
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
  stream.on('test:summary', ({ file, counts, duration_ms: tookMs }) => {
    // A cancelled or skipped test has shown nothing.
    const failed = counts.tests - counts.passed;
    if (file === undefined) {
      progress.tally.passed += counts.passed;
      progress.tally.failed += failed;
      return;
    }
    progress.ended += 1;
    const place = `${progress.ended}/${progress.total} ${minutes(performance.now() - progress.beganAtMs)}`;
    const outcome = failed === 0 ? `✔ ${counts.passed}` : `✖ ${failed} of ${counts.tests} failed`;
    say(`[${place}] ${relative('.', file)} ${outcome} in ${(tookMs / 1000).toFixed(0)} s`);
  });
  // Read to the end, or the run never ends.
  for await (const _ of stream);
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
