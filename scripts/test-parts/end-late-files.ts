import { execFileSync } from 'node:child_process';
import type { run } from 'node:test';

/** What `run` of node:test answers. */
type TestsStream = ReturnType<typeof run>;

interface Running {
  readonly deadline: NodeJS.Timeout;
  lastBegun: string;
}

/**
 * Kills the process of a test file that has not ended in time, with what it has started in turn, so that it fails: one that hangs would
 * hold up all others. That is done from without, since a process can hang at its exit, too. `onLate` is told which test began last.
 */
export function endLateFiles(
  stream: TestsStream,
  deadlineMs: number,
  onLate: (file: string, lastBegun: string) => void,
): void {
  const running = new Map<string, Running>();
  stream.on('test:dequeue', ({ name, file = '' }) => {
    const known = running.get(file);
    if (known !== undefined) known.lastBegun = name;
    // A file is a test of its own name.
    if (name !== file) return;
    const deadline = setTimeout(() => {
      onLate(file, running.get(file)?.lastBegun ?? '');
      killFile(file);
    }, deadlineMs);
    running.set(file, { deadline, lastBegun: 'none' });
  });
  stream.on('test:complete', ({ name, file = '' }) => {
    if (name !== file) return;
    clearTimeout(running.get(file)?.deadline);
    running.delete(file);
  });
}

/** The runner doesn't say which process has which file. */
function killFile(file: string): void {
  const table = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  const processes = table
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, ppid, ...args] = line.trim().split(/\s+/);
      return { pid: Number(pid), ppid: Number(ppid), args: args.join(' ') };
    });
  const found = processes.filter(({ ppid, args }) => ppid === process.pid && args.includes(file));
  for (const parent of found) found.push(...processes.filter(({ ppid }) => ppid === parent.pid));
  for (const { pid } of found) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with its parent, before its turn came.
  }
}
