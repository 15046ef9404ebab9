import { type StdioOptions, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from './atomic-file.ts';
import { identifyProcess, isAlive, processIdentitySchema, terminateProcess } from './process-identity.ts';

/** How a process ended. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process of the stack, from its spawn to its end. */
export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ProcessExit>;
  /** SIGTERM, then SIGKILL at the deadline; resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** What {@link startChild} needs to know about a process. */
export interface ChildOptions {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  stdio: StdioOptions;
  stopTimeoutMs: number;
  /** Where the running process is noted, so that a later start finds it if we are killed. */
  recordFile: string;
}

const recordSchema = z.object({ process: processIdentitySchema, owner: processIdentitySchema });

/** Spawns a process that ends with us, after ending the one an earlier, killed owner left behind. */
export async function startChild(options: ChildOptions): Promise<ManagedProcess> {
  await endOrphan(options.recordFile);
  const [command, args] = endingWithParent(options.command, options.args, options.env);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: options.stdio,
    // A session of its own: a terminal's Ctrl-C must reach only the supervisor, which then stops things in order.
    detached: true,
  });
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(new Error(`${options.name} cannot be started: ${cause.message}`, { cause })),
    );
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.name} has no pid after its spawn`);
  record(options.recordFile, pid);
  void exited.then(() => forget(options.recordFile, pid));

  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  };
  return { name: options.name, pid, exited, stop, kill };
}

/** Ends the process noted in a record when its owner is gone; throws when the owner still lives. */
export async function endOrphan(recordFile: string): Promise<void> {
  const noted = readRecord(recordFile);
  if (noted === undefined) return;
  if (isAlive(noted.process)) {
    if (isAlive(noted.owner)) {
      throw new Error(`${dirname(recordFile)} is in use by process ${noted.process.pid}`);
    }
    await terminateProcess(noted.process, 2_000);
  }
  rmSync(recordFile, { force: true });
}

function readRecord(recordFile: string): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(recordFile, 'utf8')));
  } catch {
    // No record, or one that a crash cut short: nothing can be said about a process, so nothing is ended.
    return undefined;
  }
}

function record(recordFile: string, pid: number): void {
  const identity = identifyProcess(pid);
  const owner = identifyProcess(process.pid);
  if (identity === undefined || owner === undefined) return;
  mkdirSync(dirname(recordFile), { recursive: true });
  writeFileAtomically(recordFile, JSON.stringify({ process: identity, owner }));
}

function forget(recordFile: string, pid: number): void {
  if (readRecord(recordFile)?.process.pid === pid) rmSync(recordFile, { force: true });
}

/** Lets the kernel end the process when we are killed; where `setpriv` is missing the records do that at the next start. */
function endingWithParent(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): [string, string[]] {
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv', env) : undefined;
  if (setpriv === undefined) return [command, [...args]];
  return [setpriv, ['--pdeathsig', 'KILL', command, ...args]];
}

/** Finds a program in the directories of PATH. */
export function findOnPath(program: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const directory of (env['PATH'] ?? '/usr/bin:/bin').split(delimiter)) {
    const candidate = join(directory, program);
    if (directory !== '' && existsSync(candidate)) return candidate;
  }
  return undefined;
}
