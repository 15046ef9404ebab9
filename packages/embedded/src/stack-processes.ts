import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClickHouse } from './clickhouse-server.ts';
import { findNatsServer } from './nats-binary.ts';
import { startNatsServer } from './nats-server.ts';
import type { Secrets } from './secrets.ts';
import {
  type ServiceOutput,
  type ServiceSpec,
  serviceLogFile,
  startService,
  whatServiceLacks,
} from './service-process.ts';
import type { StackAddresses } from './stack-settings.ts';
import { type Supervised, supervise } from './supervisor.ts';
import { lastLines } from './until-ready.ts';

// A service that fails because a store is not up yet succeeds at the second or third try; one that still ends after
// this many has another problem, and its log tells which.
const exitsToGiveUp = 6;

// The server would allow three quarters of what is free when it starts, and refuse streams that together may grow beyond.
// What may grow how far is decided before (`disk-room.ts`), and a limit below that of an existing stream would keep it
// from being recovered.
const accountBytes = 2 ** 50;

/** What {@link startProcesses} needs. */
export interface StackProcessesOptions {
  dataDir: string;
  addresses: StackAddresses;
  secrets: Secrets;
  services: readonly ServiceSpec[];
  /** Of the stores. */
  env: NodeJS.ProcessEnv;
  /** Of the services. */
  serviceEnv: NodeJS.ProcessEnv;
  output: ServiceOutput;
  syncAlways: boolean;
  serviceStopTimeoutMs: number;
  readyTimeoutMs: number;
  signal: AbortSignal;
  log: (line: string) => void;
  onRestart: () => void;
}

/** The supervised processes of a stack. */
export interface StackProcesses {
  list(): { name: string; pid: number }[];
  /** Services in reverse order, each after those that call it, then the stores. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts stores and services side by side and resolves when every service is ready and has prepared its store. */
export async function startProcesses(options: StackProcessesOptions): Promise<StackProcesses> {
  const { dataDir, addresses, secrets, env, serviceEnv, log, signal, onRestart } = options;
  // Found before anything starts: fetching it the first time takes longer than a service should wait.
  const binary = await findNatsServer({ env, log });
  const exits = new Map<string, number>();
  const common = { log, onRestart, signal };

  const stores = [
    supervise({
      ...common,
      name: 'nats-server',
      start: (abort) =>
        startNatsServer({
          dataDir: join(dataDir, 'nats'),
          port: addresses.natsPort,
          password: secrets.natsPassword,
          syncAlways: options.syncAlways,
          maxFileStoreBytes: accountBytes,
          log,
          binary,
          env,
          signal: abort,
        }),
    }),
    supervise({
      ...common,
      name: 'clickhouse',
      start: (abort) =>
        startClickHouse({
          dataDir: join(dataDir, 'clickhouse'),
          port: addresses.clickHousePort,
          passwords: {
            application: secrets.clickHousePassword,
            inspector: secrets.inspectorPassword,
            sql: secrets.sqlPassword,
          },
          env,
          signal: abort,
        }),
    }),
  ];
  const services = options.services.map((spec) =>
    supervise({
      ...common,
      name: spec.name,
      start: () =>
        startService({
          spec,
          dataDir,
          env: serviceEnv,
          output: options.output,
          stopTimeoutMs: options.serviceStopTimeoutMs,
        }),
      onExit: () => exits.set(spec.name, (exits.get(spec.name) ?? 0) + 1),
    }),
  );

  const [startedStores, startedServices] = await Promise.all([
    Promise.allSettled(stores),
    Promise.allSettled(services),
  ]);
  const processes = handle(fulfilled(startedStores), fulfilled(startedServices));
  try {
    const failure = [...startedStores, ...startedServices].find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    const waiting = options.services.map((spec) => untilServiceReady({ spec, exits, options }));
    await Promise.all(waiting);
    return processes;
  } catch (error) {
    await processes.kill();
    throw error;
  }
}

function fulfilled(results: PromiseSettledResult<Supervised>[]): Supervised[] {
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function handle(stores: Supervised[], services: Supervised[]): StackProcesses {
  return {
    list: () => [...services, ...stores].map(({ name, current }) => ({ name, pid: current.pid })),
    stop: async () => {
      for (const service of services.toReversed()) await service.stop();
      await Promise.all(stores.map((store) => store.stop()));
    },
    kill: async () => {
      await Promise.all([...services, ...stores].map((process) => process.kill()));
    },
  };
}

interface ServiceWait {
  spec: ServiceSpec;
  exits: ReadonlyMap<string, number>;
  options: StackProcessesOptions;
}

async function untilServiceReady({ spec, exits, options }: ServiceWait): Promise<void> {
  const deadline = performance.now() + options.readyTimeoutMs;
  const logOf = () =>
    options.output === 'file' ? lastLines(serviceLogFile(options.dataDir, spec.name), 15) : '';
  for (;;) {
    const lacking = await whatServiceLacks(spec.adminPort);
    if (lacking === undefined) return;
    if (options.signal.aborted) throw new Error('stopped while starting');
    if ((exits.get(spec.name) ?? 0) >= exitsToGiveUp) {
      throw new Error(`${spec.name} ends each time it is started${logOf()}`);
    }
    if (performance.now() > deadline) {
      throw new Error(
        `${spec.name} was not ready in ${options.readyTimeoutMs / 1000} s: ${lacking}${logOf()}`,
      );
    }
    await sleep(20);
  }
}
