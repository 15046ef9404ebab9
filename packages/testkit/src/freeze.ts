import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './time.ts';

const STOP = { timeoutMs: 10_000, intervalMs: 1 };

/** Stops a process by SIGSTOP and resolves when none of its threads runs any more, which takes a busy machine a while. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually(() => {
    if (!isFrozen(pid)) throw new Error(`threads of ${pid} still run`);
  }, STOP);
}

/** Whether a process stands still. Throws when there is none. */
export function isFrozen(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => stateOf(pid, thread) === 'T');
}

/** The letter behind the command's name, which may hold anything. */
function stateOf(pid: number, thread: string): string | undefined {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
}
