import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endOrphan } from './child-process.ts';
import { type Connection, removeConnection, writeConnection } from './connection.ts';
import { lockDataDirectory, lockHolder, releaseLock } from './data-directory.ts';
import { sizeStream } from './disk-room.ts';
import { isPortFree, pickFreePort, preferPort } from './free-port.ts';
import { terminateProcess } from './process-identity.ts';
import { loadSecrets } from './secrets.ts';
import {
  planSplit,
  planStandalone,
  runDirectory,
  type ServiceOutput,
  type ServicePlanner,
} from './service-process.ts';
import { type StackProcesses, startProcesses } from './stack-processes.ts';
import { describeConnection, type StackAddresses, serviceEnvironment } from './stack-settings.ts';

const preferredAdminPort = 9090;

/** What {@link startStack} needs. */
export interface StackOptions {
  dataDir: string;
  /** Port of the public API; 0 for any free one. */
  port: number;
  /** Default: 9090 when it is free, any other otherwise; 0 for any free one. */
  adminPort?: number;
  /** Every service in a process of its own; default is all in one. */
  split?: boolean;
  /** The user's settings, default `process.env`; those that wire the stack are set over them. */
  env?: NodeJS.ProcessEnv;
  /** Fsync each message in JetStream before it is acknowledged. */
  syncAlways?: boolean;
  /** Default: `REDIS_URL` of `env`; without one the services keep that state in memory. */
  redisUrl?: string;
  /** Where the services' output goes; default `<data>/logs`. */
  output?: ServiceOutput;
  /** The services to run; default is those of Millrace. */
  services?: ServicePlanner;
  /** How long every service together may take to be ready, its store's schema included; default 90 s. */
  readyTimeoutMs?: number;
  /** How long a service may drain before it is killed; default 15 s. */
  serviceStopTimeoutMs?: number;
  /** Gives the start up. */
  signal?: AbortSignal;
  /** Told of each restart, in one line. */
  log: (line: string) => void;
}

/** A running stack. */
export interface Stack {
  /** How to reach it, with the processes as they are now. */
  readonly connection: Connection;
  /** Drains and stops every process and gives the data directory back. */
  stop(): Promise<void>;
  /** The same at once, without draining. */
  kill(): Promise<void>;
}

/** Starts the stores and services on a data directory and resolves when all are ready and the schema is there. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  const lock = lockDataDirectory(dataDir);
  try {
    await endOrphans(dataDir);
    removeConnection(dataDir);
    return await startLocked({ ...options, dataDir }, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Ends the services that a killed supervisor left behind on a data directory. */
export async function endOrphans(dataDir: string): Promise<void> {
  const directory = runDirectory(dataDir);
  const records = filesIn(directory).filter((name) => name.endsWith('.json'));
  await Promise.all(records.map((name) => endOrphan(join(directory, name))));
}

async function startLocked(options: StackOptions, release: () => void): Promise<Stack> {
  const { dataDir, env = process.env, log } = options;
  const mode = options.split === true ? 'split' : 'standalone';
  const secrets = loadSecrets(dataDir);
  const addresses = await chooseAddresses(options, env);
  const streamMaxBytes = sizeStream({
    directory: join(dataDir, 'nats'),
    asked: env['STREAM_MAX_BYTES'],
    log,
  });
  const plan = options.services ?? (mode === 'split' ? planSplit : planStandalone);

  let processes: StackProcesses | undefined;
  const describe = () => {
    const supervisor = { name: 'supervisor', pid: process.pid };
    const list = [...(processes?.list() ?? []), supervisor];
    return describeConnection({ mode, secrets, env, addresses, processes: list });
  };
  let isPublished = false;
  processes = await startProcesses({
    dataDir,
    addresses,
    secrets,
    services: await plan(addresses),
    env,
    serviceEnv: { ...serviceEnvironment(env, secrets, addresses), STREAM_MAX_BYTES: streamMaxBytes },
    output: options.output ?? 'file',
    syncAlways: options.syncAlways ?? false,
    serviceStopTimeoutMs: options.serviceStopTimeoutMs ?? 15_000,
    readyTimeoutMs: options.readyTimeoutMs ?? 90_000,
    signal: options.signal ?? new AbortController().signal,
    log,
    onRestart: () => isPublished && writeConnection(dataDir, describe()),
  });
  writeConnection(dataDir, describe());
  isPublished = true;

  const end = async (how: 'stop' | 'kill') => {
    isPublished = false;
    removeConnection(dataDir);
    await processes[how]();
    release();
  };
  let stopping: Promise<void> | undefined;
  return {
    get connection() {
      return describe();
    },
    stop: () => {
      stopping ??= end('stop');
      return stopping;
    },
    kill: () => end('kill'),
  };
}

async function chooseAddresses(options: StackOptions, env: NodeJS.ProcessEnv): Promise<StackAddresses> {
  const port = await requestedPort(options.port, '--port');
  const adminPort =
    options.adminPort === undefined
      ? await preferPort(preferredAdminPort)
      : await requestedPort(options.adminPort, '--admin-port');
  return {
    port,
    adminPort,
    natsPort: await pickFreePort(),
    clickHousePort: await pickFreePort(),
    redisUrl: options.redisUrl || env['REDIS_URL'] || null,
  };
}

async function requestedPort(port: number, option: string): Promise<number> {
  if (port === 0) return pickFreePort();
  if (await isPortFree(port)) return port;
  throw new Error(`port ${port} is taken; choose another with ${option}`);
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Nothing has run on this data directory yet.
    return [];
  }
}

/** What {@link stopStack} found. */
export type StopOutcome = { kind: 'stopped'; pid: number } | { kind: 'not-running' };

/** Stops the stack on a data directory, and only that one, and whatever a killed one left behind there. */
export async function stopStack(options: { dataDir: string; graceMs: number }): Promise<StopOutcome> {
  const dataDir = resolve(options.dataDir);
  const supervisor = lockHolder(dataDir);
  if (supervisor !== undefined) {
    await terminateProcess(supervisor, options.graceMs);
    releaseLock(dataDir, supervisor);
  }
  await endOrphans(dataDir);
  for (const store of ['nats', 'clickhouse']) await endOrphan(join(dataDir, store, 'process.json'));
  removeConnection(dataDir);
  return supervisor === undefined ? { kind: 'not-running' } : { kind: 'stopped', pid: supervisor.pid };
}
