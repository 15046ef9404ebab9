import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
