import { execFile } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

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
  readonly clickHouse: string;
  /** The commit that was measured, with `+changes` when the work tree differs from it. */
  readonly commit: string;
  readonly measuredAt: string;
}

/** Describes this machine and the versions of what runs on it. */
export async function describeMachine(options: {
  dataDir: string;
  natsBinary: string;
  clickHouseVersion: string;
}): Promise<Machine> {
  const [fileSystem, natsServer, commit] = await Promise.all([
    output('stat', ['--file-system', '--format=%T', options.dataDir]),
    output(options.natsBinary, ['--version']),
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
    clickHouse: options.clickHouseVersion,
    commit,
    measuredAt: new Date().toISOString(),
  };
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
