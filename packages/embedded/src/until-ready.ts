import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess } from './child-process.ts';

/** What {@link untilReady} waits for, and for how long. */
export interface ReadinessOptions {
  child: ManagedProcess;
  isReady: () => Promise<boolean>;
  timeoutMs: number;
  /** Quoted in the error when the process ends or the time is up. */
  logFile: string;
  signal?: AbortSignal;
}

/** Waits until a process serves; when it does not, ends it and throws with the last lines of its log. */
export async function untilReady({
  child,
  isReady,
  timeoutMs,
  logFile,
  signal,
}: ReadinessOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let exit: string | undefined;
  void child.exited.then(({ code, signal: by }) => {
    exit = `${child.name} ended while starting (${by ?? `exit code ${code}`})`;
  });
  while (!(await isReady())) {
    const problem =
      exit ?? (performance.now() > deadline ? `${child.name} was not ready in ${timeoutMs} ms` : undefined);
    if (problem !== undefined || signal?.aborted === true) {
      await child.kill();
      throw new Error(`${problem ?? `${child.name} was stopped while starting`}${lastLines(logFile)}`);
    }
    await sleep(15);
  }
}

/** The end of a log, indented for an error message; empty when there is none. */
export function lastLines(file: string, count = 8): string {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count);
    return lines.length === 1 && lines[0] === ''
      ? ''
      : `\n${lines.map((line) => `  ${line.slice(0, 400)}`).join('\n')}`;
  } catch {
    return '';
  }
}
