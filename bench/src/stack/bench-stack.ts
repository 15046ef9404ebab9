import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, type Stack, startStack } from '@millrace/embedded';
import type { CorePlan } from '../machine/core-plan.ts';
import { pinProcess } from '../machine/pinned-process.ts';
import { openStoredEvents, type StoredEvents } from './stored-events.ts';
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
  /** Flags of Node for the measured process. */
  readonly serverNodeOptions?: readonly string[];
  readonly signal: AbortSignal;
}

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
      env: cores.nats === undefined ? process.env : { ...process.env, GOMAXPROCS: '1' },
      signal: options.signal,
      log: (line) => restarts.push(line),
    });
    for (const { name, pid } of stack.connection.processes) {
      if (name !== 'supervisor') await pinProcess(pid, topology.coresOf(name, cores));
    }
    return handle({ stack, dataDir, topology, restarts });
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}

function handle(parts: {
  stack: Stack;
  dataDir: string;
  topology: Topology;
  restarts: readonly string[];
}): BenchStack {
  const { stack, dataDir, topology, restarts } = parts;
  const { connection } = stack;
  const stored = openStoredEvents(connection);
  const pidOf = (name: string) => {
    const found = connection.processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`the stack has no process ${name}`);
    return found.pid;
  };
  return {
    connection,
    dataDir,
    port: Number(new URL(connection.url).port),
    stored,
    serverPid: pidOf(topology.server),
    pidOf,
    checkUnbroken() {
      if (restarts.length > 0) throw new Error(`the stack did not hold: ${restarts.join('; ')}`);
    },
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
