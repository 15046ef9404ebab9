import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The kernel reports processor time in hundredths of a second, whatever its own tick. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/PID/stat behind the process's name, which may itself hold spaces and parentheses. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** Cores as `taskset` names them, for example `0` or `2,3`; undefined pins nothing. */
export type Cores = string | undefined;

/** A Node process of this package that talks over IPC and ends when we do. */
export interface PinnedProcess {
  readonly pid: number;
  readonly channel: ChildProcess;
  /** Aborts when the process has ended. */
  readonly ended: AbortSignal;
  stop(): Promise<void>;
}

/** What {@link startPinned} needs. */
export interface PinnedProcessOptions {
  readonly cores: Cores;
  /** Path of the module that Node runs. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Spawns a Node process on some cores. */
export async function startPinned(options: PinnedProcessOptions): Promise<PinnedProcess> {
  const command = [process.execPath, ...(options.nodeOptions ?? []), options.script, ...(options.args ?? [])];
  const pinned = options.cores === undefined ? command : ['taskset', '-c', options.cores, ...command];
  const [program = process.execPath, ...args] = pinned;
  const channel = spawn(program, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: options.env ?? process.env,
  });
  await once(channel, 'spawn');
  const { pid } = channel;
  if (pid === undefined) throw new Error(`${options.script} has no pid after its spawn`);
  const ended = new AbortController();
  channel.once('exit', (code, signal) =>
    ended.abort(new Error(`${basename(options.script)} ended (${signal ?? `exit code ${code}`})`)),
  );
  return {
    pid,
    channel,
    ended: ended.signal,
    async stop() {
      if (channel.exitCode !== null || channel.signalCode !== null) return;
      const exited = once(channel, 'exit');
      const timer = setTimeout(() => channel.kill('SIGKILL'), 5_000);
      channel.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Moves every thread of a running process to some cores. */
export async function pinProcess(pid: number, cores: Cores): Promise<void> {
  if (cores !== undefined) await run('taskset', ['-a', '-p', '-c', cores, String(pid)]);
}

/** Whether this machine can pin processes. */
export async function canPin(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  return run('taskset', ['--version']).then(
    () => true,
    () => false,
  );
}

/** Processor seconds that a process has used, all its threads together; 0 when it is gone. */
export function cpuSecondsOf(pid: number): number {
  const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[USER_TICKS] ?? 0) + Number(fields[SYSTEM_TICKS] ?? 0)) / TICKS_PER_SECOND;
}

/** Memory that a process has resident, in bytes; 0 when it is gone. */
export function residentBytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, 'status'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process ended, or this is no Linux: there is nothing to report then.
    return '';
  }
}
