import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { type Connection, readConnection, type Stack, startStack } from '@millrace/embedded';
import type { CorePlan } from '../machine/core-plan.ts';
import { pinProcess } from '../machine/pinned-process.ts';
import type { Topology } from './topologies.ts';

/** A stack under test, its processes on their cores. */
export interface BenchStack {
  readonly connection: Connection;
  readonly dataDir: string;
  /** Port of the public API. */
  readonly port: number;
  readonly stored: StoredEvents;
  /** The measured process. */
  readonly serverPid: number;
  pidOf(name: string): number;
  /** Has a process stopped and started again, and resolves when it runs on its core. */
  restart(name: string): Promise<void>;
  /** Throws when a process ended and was started again: what was measured then is worth nothing. */
  checkUnbroken(): void;
  /** Drains and stops the processes and removes their data. */
  stop(): Promise<void>;
}

/** What {@link startBenchStack} needs. */
export interface BenchStackOptions {
  readonly topology: Topology;
  readonly cores: CorePlan;
  /** Where a directory for the data is made. */
  readonly dataRoot: string;
  readonly syncAlways?: boolean;
  /** Settings of Millrace. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node for the measured process. */
  readonly serverNodeOptions?: readonly string[];
  readonly signal: AbortSignal;
}

const RESTART_MS = 60_000;
const LOOK_MS = 50;

/** Starts a stack on an empty data directory. */
export async function startBenchStack(options: BenchStackOptions): Promise<BenchStack> {
  const { topology, cores } = options;
  const dataDir = await mkdtemp(join(options.dataRoot, 'millrace-bench-'));
  const restarts: string[] = [];
  try {
    const stack = await startStack({
      dataDir,
      port: 0,
      adminPort: 0,
      split: topology.split,
      syncAlways: options.syncAlways ?? false,
      services: async (plan) => withNodeOptions(await topology.plan(plan), options),
      // As a nats-server does that is started on one core.
      env: { ...process.env, ...(cores.nats === undefined ? {} : { GOMAXPROCS: '1' }), ...options.env },
      signal: options.signal,
      log: (line) => restarts.push(line),
    });
    for (const { name, pid } of stack.connection.processes) {
      if (name !== 'supervisor') await pinProcess(pid, topology.coresOf(name, cores));
    }
    return handle({ stack, dataDir, topology, cores, restarts });
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}

function handle(parts: {
  stack: Stack;
  dataDir: string;
  topology: Topology;
  cores: CorePlan;
  restarts: string[];
}): BenchStack {
  const { stack, dataDir, topology, cores, restarts } = parts;
  const { connection } = stack;
  const stored = openStoredEvents(connection);
  const pidOf = (name: string) => {
    const { processes } = readConnection(dataDir) ?? connection;
    const found = processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`the stack has no process ${name}`);
    return found.pid;
  };
  const checkUnbroken = () => {
    if (restarts.length > 0) throw new Error(`the stack did not hold: ${restarts.join('; ')}`);
  };
  return {
    connection,
    dataDir,
    port: Number(new URL(connection.url).port),
    stored,
    get serverPid() {
      return pidOf(topology.server);
    },
    pidOf,
    async restart(name) {
      checkUnbroken();
      const before = pidOf(name);
      const giveUpAt = performance.now() + RESTART_MS;
      process.kill(before, 'SIGTERM');
      while (pidOf(name) === before) {
        if (performance.now() > giveUpAt) throw new Error(`${name} did not come back`);
        await sleep(LOOK_MS);
      }
      await pinProcess(pidOf(name), topology.coresOf(name, cores));
      restarts.length = 0;
    },
    checkUnbroken,
    async stop() {
      await stored.close();
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function withNodeOptions<Spec extends { name: string; env: Record<string, string> }>(
  specs: Spec[],
  { topology, serverNodeOptions }: BenchStackOptions,
): Promise<Spec[]> {
  if (serverNodeOptions === undefined) return specs;
  const NODE_OPTIONS = serverNodeOptions.join(' ');
  return specs.map((spec) =>
    spec.name === topology.server ? { ...spec, env: { ...spec.env, NODE_OPTIONS } } : spec,
  );
}

/** Looks into the ClickHouse of a stack. */
interface StoredEvents {
  readonly client: ClickHouseClient;
  count(): Promise<number>;
  /** Messages of the stream that the stored events came in. */
  messages(): Promise<number>;
  /** Resolves when so many are stored; throws when that takes too long, when there are more or the signal aborts. */
  until(expected: number, options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  /** Resolves when no merge runs, or when the time is over. */
  untilMerged(timeoutMs: number): Promise<void>;
  version(): Promise<string>;
  close(): Promise<void>;
}

/** Connects as the user that may read everything. */
function openStoredEvents({ clickhouse }: Connection): StoredEvents {
  const client = createClient({ ...clickhouse, database: clickhouse.database, request_timeout: 60_000 });
  const ask = async (query: string): Promise<string> => {
    const answer = await client.query({ query, format: 'JSONCompactEachRow' });
    const [row] = await answer.json<readonly (string | number)[]>();
    return String(row?.[0] ?? '');
  };
  const count = async () => Number(await ask('SELECT count() FROM events'));
  return {
    client,
    count,
    messages: async () => Number(await ask('SELECT uniqExact(_shard, _seq) FROM events')),
    async until(expected, { timeoutMs, signal }) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        signal.throwIfAborted();
        const stored = await count();
        if (stored === expected) return;
        if (stored > expected) throw new Error(`${expected} events were accepted and ${stored} are stored`);
        if (performance.now() > deadline) {
          throw new Error(
            `${expected - stored} of ${expected} accepted events are not stored after ${timeoutMs} ms`,
          );
        }
        await sleep(100);
      }
    },
    async untilMerged(timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      while (performance.now() < deadline && (await ask('SELECT count() FROM system.merges')) !== '0') {
        await sleep(200);
      }
    },
    version: () => ask('SELECT version()'),
    close: () => client.close(),
  };
}
