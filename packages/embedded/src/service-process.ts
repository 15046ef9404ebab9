import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { cacheDirectory } from './cache-directory.ts';
import { type ManagedProcess, startChild } from './child-process.ts';
import { pickFreePort } from './free-port.ts';

const largestLogBytes = 10 * 1024 ** 2;

// A request's objects die young; with Node's default of 16 MiB many are copied to the old generation first.
const nodeOptions = ['--max-semi-space-size=64'];

const NO_ANSWER = 'it does not answer';

/** One Millrace process: what to run and with which settings. */
export interface ServiceSpec {
  /** Unique within a stack; names its log and its entry in `connection.json`. */
  name: string;
  /** Path of the module that Node runs. */
  entry: string;
  /** Settings of this process alone. */
  env: Record<string, string>;
  /** Where it answers `/preparedz`. */
  adminPort: number;
}

/** Where a service's output goes: to ours, or to `<data>/logs/<name>.log`. */
export type ServiceOutput = 'inherit' | 'file';

/** What {@link startService} needs. */
export interface ServiceOptions {
  spec: ServiceSpec;
  dataDir: string;
  env: NodeJS.ProcessEnv;
  output: ServiceOutput;
  stopTimeoutMs: number;
}

/** Spawns a service; it is not ready yet when this resolves. */
export async function startService(options: ServiceOptions): Promise<ManagedProcess> {
  const { spec, dataDir, env, output, stopTimeoutMs } = options;
  const log = output === 'file' ? openLog(serviceLogFile(dataDir, spec.name)) : undefined;
  try {
    return await startChild({
      name: spec.name,
      command: process.execPath,
      args: [...nodeOptions, spec.entry],
      env: {
        NODE_COMPILE_CACHE: join(cacheDirectory(), 'compile'),
        ...env,
        ADMIN_PORT: String(spec.adminPort),
        ...spec.env,
      },
      stdio: log === undefined ? ['ignore', 'inherit', 'inherit'] : ['ignore', log, log],
      stopTimeoutMs,
      recordFile: join(runDirectory(dataDir), `${spec.name}.json`),
    });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

/** Where the running services of a data directory are noted. */
export function runDirectory(dataDir: string): string {
  return join(dataDir, 'run');
}

/** Where a service's output goes unless it is shown. */
export function serviceLogFile(dataDir: string, name: string): string {
  return join(dataDir, 'logs', `${name}.log`);
}

/** Opens a log for appending; one that has grown large becomes `<file>.1` first. */
export function openLog(file: string): number {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  try {
    if (statSync(file).size > largestLogBytes) renameSync(file, `${file}.1`);
  } catch {
    // There is no log yet.
  }
  return openSync(file, 'a', 0o600);
}

/**
 * Asks a service's admin port what it still lacks, in its words; undefined when it lacks nothing. A service is ready
 * before the store has its schema; a stack is not, because whoever started it asks at once.
 */
export function whatServiceLacks(adminPort: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const address = { host: '127.0.0.1', port: adminPort, path: '/preparedz', agent: false, timeout: 1_000 };
    const call = request(address, (response) => {
      text(response).then(
        (said) => resolve(response.statusCode === 200 ? undefined : said.trim()),
        () => resolve(NO_ANSWER),
      );
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(NO_ANSWER));
    call.end();
  });
}

/** What a plan is made from. */
interface ServicePlanOptions {
  /** Port of the public API. */
  port: number;
  /** Admin port of the process that serves the public API. */
  adminPort: number;
}

/** Lists the processes of a stack, the ones that others call first. */
export type ServicePlanner = (options: ServicePlanOptions) => Promise<ServiceSpec[]>;

/** Every role in one process. */
export const planStandalone: ServicePlanner = async ({ port, adminPort }) => [
  { name: 'standalone', entry: entryOf('standalone'), adminPort, env: { PORT: String(port) } },
];

/** Each role in a process of its own, wired by gRPC on loopback. */
export const planSplit: ServicePlanner = async ({ port, adminPort }) => {
  const auth = await internalService('auth', 'auth');
  const accept = await internalService('ingest-accept', 'ingest', { INGEST_ROLE: 'accept' });
  const writer = await internalService('ingest-writer', 'ingest', { INGEST_ROLE: 'writer' });
  const analytics = await internalService('analytics', 'analytics');
  const addresses = {
    AUTH_ADDRESS: addressOf(auth),
    INGEST_ADDRESS: addressOf(accept),
    ANALYTICS_ADDRESS: addressOf(analytics),
  };
  const webhook = await internalService('webhook', 'webhook', addresses);
  const edge = {
    name: 'edge',
    entry: entryOf('edge'),
    adminPort,
    env: {
      PORT: String(port),
      ...addresses,
      WEBHOOK_ADDRESS: addressOf(webhook),
    },
  };
  return [auth, accept, writer, analytics, webhook, edge];
};

interface InternalService extends ServiceSpec {
  env: { GRPC_PORT: string };
}

async function internalService(
  name: string,
  folder: string,
  env: Record<string, string> = {},
): Promise<InternalService> {
  const [adminPort, grpcPort] = [await pickFreePort(), await pickFreePort()];
  return { name, entry: entryOf(folder), adminPort, env: { ...env, GRPC_PORT: String(grpcPort) } };
}

function addressOf(service: InternalService): string {
  return `127.0.0.1:${service.env.GRPC_PORT}`;
}

function entryOf(service: string): string {
  return join(import.meta.dirname, '../../../services', service, 'src/main.ts');
}
