import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, pickFreePort, readConnection } from '@millrace/embedded';
import { startTcpProxy, type TcpProxy } from '../proxy/tcp-proxy.ts';
import type { Mutant } from '../service/module-swaps.ts';

/** What {@link startStackUnderTest} needs. */
export interface StackUnderTestOptions {
  readonly dataDir: string;
  readonly split: boolean;
  readonly redisUrl: string | undefined;
  /** Default: the stack's own, behind a proxy. */
  readonly natsUrl?: string | undefined;
  readonly mutant?: Mutant | undefined;
  readonly extraWriters?: number;
  /** Settings of the services. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A stack whose every part can be hurt. */
export interface StackUnderTest {
  /** As it is now, with the pids of restarted processes. */
  connection(): Connection;
  /** Between the services and NATS. */
  readonly natsProxy: TcpProxy;
  /** Between the services and ClickHouse. */
  readonly clickHouseProxy: TcpProxy;
  /** Where failpoints are armed. */
  readonly controlDir: string;
  /** What the supervisor said. */
  readonly supervisorLog: readonly string[];
  /** Throws when that process does not run at this moment. */
  signal(name: string, signal: NodeJS.Signals): void;
  /** SIGKILL to every process, the supervisor first. */
  killTree(): Promise<void>;
  /** Starts again on the same data and port after {@link StackUnderTest.killTree}. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const stackProcess = new URL('./stack-process.ts', import.meta.url).pathname;

/** Starts the stores and services behind proxies. */
export async function startStackUnderTest(options: StackUnderTestOptions): Promise<StackUnderTest> {
  const { dataDir, split } = options;
  const controlDir = join(dataDir, 'control');
  mkdirSync(controlDir, { recursive: true });
  const natsProxy = await startTcpProxy(await pickFreePort());
  const clickHouseProxy = await startTcpProxy(await pickFreePort());
  const supervisorLog: string[] = [];
  const processOptions: StackProcessOptions = {
    dataDir,
    port: await pickFreePort(),
    adminPort: await pickFreePort(),
    split,
    redisUrl: options.redisUrl ?? '',
    extraWriters: options.extraWriters ?? 0,
    serviceEnv: {
      ...options.env,
      NATS_URL: options.natsUrl ?? `nats://127.0.0.1:${natsProxy.port}`,
      CLICKHOUSE_URL: `http://127.0.0.1:${clickHouseProxy.port}`,
      MILLRACE_FAULT_CONTROL: controlDir,
      ...(options.mutant === undefined ? {} : { MILLRACE_FAULT_MUTANT: options.mutant }),
    },
  };
  const launch = async () => {
    const supervisor = spawn(process.execPath, [stackProcess, JSON.stringify(processOptions)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await untilReady(supervisor, (report) => {
      if (report.kind === 'log') supervisorLog.push(report.line);
      if (report.kind !== 'addresses') return;
      natsProxy.setTarget(report.natsPort);
      clickHouseProxy.setTarget(report.clickHousePort);
    });
    return supervisor;
  };
  const connection = () => {
    const current = readConnection(dataDir);
    if (current === undefined) throw new Error('the stack is not running');
    return current;
  };

  let supervisor = await launch();
  const ended = () => (supervisor.exitCode ?? supervisor.signalCode) !== null;
  return {
    connection,
    natsProxy,
    clickHouseProxy,
    controlDir,
    supervisorLog,
    signal(name, signal) {
      const found = connection().processes.find((process) => process.name === name);
      if (found === undefined) throw new Error(`the stack has no process ${name}`);
      if (parentOf(found.pid) !== supervisor.pid) throw new Error(`${name} does not run at this moment`);
      process.kill(found.pid, signal);
    },
    async killTree() {
      const { processes } = connection();
      const children = processes.filter(({ pid }) => parentOf(pid) === supervisor.pid);
      const exit = once(supervisor, 'exit');
      supervisor.kill('SIGKILL');
      for (const { pid } of children) killIfAlive(pid);
      await exit;
    },
    async restart() {
      supervisor = await launch();
    },
    async stop() {
      if (!ended()) {
        const exit = once(supervisor, 'exit');
        supervisor.send('stop');
        await exit;
      }
      await Promise.all([natsProxy.close(), clickHouseProxy.close()]);
    },
  };
}

/** What a stack process is started with, as JSON in its first argument. */
export interface StackProcessOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly adminPort: number;
  readonly split: boolean;
  /** Empty for none. */
  readonly redisUrl: string;
  /** Of the services alone, over what the stack wires. */
  readonly serviceEnv: Readonly<Record<string, string>>;
  /** Writers beside the one that the split topology has. */
  readonly extraWriters: number;
}

/** What a stack process tells. */
export type StackReport =
  | { readonly kind: 'addresses'; readonly natsPort: number; readonly clickHousePort: number }
  | { readonly kind: 'ready'; readonly connection: Connection }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'log'; readonly line: string };

async function untilReady(supervisor: ChildProcess, onReport: (report: StackReport) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    supervisor.once('exit', (code, signal) => reject(new Error(`the supervisor ended: ${signal ?? code}`)));
    // Only stack-process.ts runs there, and this is all it sends.
    supervisor.on('message', (message: StackReport) => {
      onReport(message);
      if (message.kind === 'ready') resolve();
      if (message.kind === 'failed') reject(new Error(message.reason));
    });
  });
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // The process is gone.
    return undefined;
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with the supervisor, before its turn came.
  }
}
