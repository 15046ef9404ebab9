import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { findNatsServer } from '@millrace/embedded';
import type { CorePlan } from './core-plan.ts';

const run = promisify(execFile);

/** What figures were measured on, and with. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  /** Of the data directory: what an fsync costs depends on it. */
  readonly fileSystem: string;
  readonly node: string;
  readonly natsServer: string;
  /** The commit that was measured, with `+changes` when the work tree differs from it. */
  readonly commit: string;
  readonly measuredAt: string;
  /** Runnable processes on average over the last minute, before anything was started: others disturb. */
  readonly loadBefore: number;
}

/** Describes this machine and the versions of what runs on it. */
export async function describeMachine(dataRoot: string): Promise<Machine> {
  const loadBefore = loadavg()[0] ?? 0;
  const natsBinary = await findNatsServer({ env: process.env, log: () => undefined });
  const [fileSystem, natsServer, commit] = await Promise.all([
    output('stat', ['--file-system', '--format=%T', dataRoot]),
    output(natsBinary, ['--version']),
    describeCommit(),
  ]);
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem,
    node: process.version,
    natsServer: natsServer.replace('nats-server: ', ''),
    commit,
    measuredAt: new Date().toISOString(),
    loadBefore,
  };
}

/** Renders a machine's description. */
export function formatMachine(machine: Machine): string {
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Linux ${machine.kernel}, `,
    `${machine.fileSystem}; Node ${machine.node}, nats-server ${machine.natsServer}; `,
    `commit ${machine.commit}, ${machine.measuredAt}, load before ${machine.loadBefore.toFixed(1)}\n`,
  ].join('');
}

/** Renders which part runs where. */
export function describePlan({ server, nats, load, clickHouse, notes }: CorePlan): string {
  if (server === undefined) return notes.map((note) => `note: ${note}\n`).join('');
  const places = `measured process ${server}, nats-server ${nats}, load generator ${load}, ClickHouse ${clickHouse}`;
  return [`cores: ${places}\n`, ...notes.map((note) => `note: ${note}\n`)].join('');
}

async function describeCommit(): Promise<string> {
  const at = ['-C', import.meta.dirname];
  const commit = await output('git', [...at, 'rev-parse', '--short', 'HEAD']);
  const changes = await output('git', [...at, 'status', '--porcelain', '--untracked-files=no']);
  return changes === 'unknown' || changes === '' ? commit : `${commit}+changes`;
}

async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { timeout: 10_000 })).stdout.trim();
  } catch {
    return 'unknown';
  }
}
