import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from './atomic-file.ts';
import { type ManagedProcess, startChild } from './child-process.ts';
import { pickFreePort } from './free-port.ts';
import { findNatsServer } from './nats-binary.ts';
import { untilReady } from './until-ready.ts';

const HEALTH_INTERVAL_MS = 2_000;
const HEALTH_TIMEOUT_MS = 1_000;
/** Answers in a row; a server that is only busy or stopped doesn't answer at all and is left alone. */
const UNHEALTHY_ANSWERS = 5;

/** What {@link startNatsServer} needs. */
export interface NatsServerOptions {
  dataDir: string;
  /** Of the one user that may connect; letters, digits, `-` and `_`. */
  password: string;
  /** Default: the one that `findNatsServer` returns. */
  binary?: string;
  /** Default: any free port. */
  port?: number;
  /** Fsync each message before its acknowledgement; default is every two minutes. */
  syncAlways?: boolean;
  /** Default: three quarters of the free disk, the server's own rule. */
  maxFileStoreBytes?: number;
  /** Default: a server of its own. */
  cluster?: NatsClusterMembership;
  env?: NodeJS.ProcessEnv;
  log?: (line: string) => void;
  signal?: AbortSignal;
  readyTimeoutMs?: number;
}

/** How a server finds the others of its cluster; all of them are on this machine. */
export interface NatsClusterMembership {
  name: string;
  /** Where it listens for the others. */
  port: number;
  /** Where every member does, this one among them. */
  memberPorts: readonly number[];
  /** Where clients are told to reach it, when not on its own port. */
  advertisedPort?: number;
}

/** A running nats-server with JetStream. */
export interface NatsServer extends ManagedProcess {
  /** With the user and the password in it. */
  readonly url: string;
  readonly port: number;
  /** Its name among those of its cluster. */
  readonly serverName: string;
  /** Where it tells about itself, over HTTP. */
  readonly monitorUrl: string;
}

/** The user whom the server lets in. */
export const natsUser = 'millrace';

/** Starts a nats-server on a data directory and resolves when it accepts clients with JetStream on. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const env = options.env ?? process.env;
  const dataDir = resolve(options.dataDir);
  const log = options.log ?? (() => undefined);
  const binary = options.binary ?? (await findNatsServer({ env, log }));
  const port = options.port ?? (await pickFreePort());
  const monitorPort = await pickFreePort();
  const configFile = join(dataDir, 'nats-server.conf');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileAtomically(configFile, natsConfig({ ...options, dataDir, port, monitorPort }));

  const logFile = join(dataDir, 'nats-server.log');
  const child = await startChild({
    name: 'nats-server',
    command: binary,
    args: ['--config', configFile],
    env,
    stdio: 'ignore',
    stopTimeoutMs: 8_000,
    recordFile: join(dataDir, 'process.json'),
  });
  await untilReady({
    child,
    logFile,
    timeoutMs: options.readyTimeoutMs ?? 60_000,
    isReady: () => greets(port, serverName(dataDir)),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  // A member also calls itself unhealthy while too few others are there: that passes, and a restart doesn't help.
  if (options.cluster === undefined) {
    endWhenUnhealthy({ child, url: `${monitorUrl}/healthz`, log }).catch((error: unknown) =>
      log(`nats-server could not be ended: ${String(error)}`),
    );
  }
  const url = `nats://${natsUser}:${options.password}@127.0.0.1:${port}`;
  return { ...child, port, url, serverName: serverName(dataDir), monitorUrl };
}

function natsConfig(options: NatsServerOptions & { port: number; monitorPort: number }): string {
  const { dataDir, port, monitorPort, syncAlways, maxFileStoreBytes, cluster } = options;
  return `server_name: ${serverName(dataDir)}
listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitorPort}"
authorization { user: ${natsUser}, password: ${JSON.stringify(options.password)} }
max_payload: 8MB
log_file: ${JSON.stringify(join(dataDir, 'nats-server.log'))}
logfile_size_limit: 10MB
logfile_max_num: 2
jetstream {
  store_dir: ${JSON.stringify(dataDir)}
  sync_interval: ${syncAlways === true ? 'always' : '2m'}
  max_memory_store: 256MB
${maxFileStoreBytes === undefined ? '' : `  max_file_store: ${maxFileStoreBytes}\n`}}
${cluster === undefined ? '' : clusterConfig(cluster)}`;
}

function clusterConfig({ name, port, memberPorts, advertisedPort }: NatsClusterMembership): string {
  const routes = memberPorts.map((member) => `"nats-route://127.0.0.1:${member}"`).join(', ');
  return `${advertisedPort === undefined ? '' : `client_advertise: "127.0.0.1:${advertisedPort}"\n`}cluster {
  name: ${name}
  listen: "127.0.0.1:${port}"
  routes: [${routes}]
}
`;
}

/** Reads the greeting a server sends to each client; it is sent only after the streams were recovered. */
function greets(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    let greeting = '';
    const settle = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      greeting += chunk;
      if (greeting.includes('\r\n')) settle(isGreetingOf(name, greeting));
    });
    socket.on('error', () => settle(false));
    socket.on('timeout', () => settle(false));
    socket.on('close', () => settle(false));
  });
}

function isGreetingOf(name: string, greeting: string): boolean {
  return greeting.includes(`"server_name":"${name}"`) && greeting.includes('"jetstream":true');
}

/** Tells our server from another one that took the port first. */
function serverName(dataDir: string): string {
  return `millrace-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
}

/**
 * Ends a server that says itself that it can't go on, so that its supervisor starts it anew: after a write error, a
 * full disk for one, JetStream stays in that state until a restart, even when there is room again.
 */
async function endWhenUnhealthy(options: {
  child: ManagedProcess;
  /** The server's `/healthz`. */
  url: string;
  log: (line: string) => void;
}): Promise<void> {
  const { child, log } = options;
  let running = true;
  const ended = child.exited.then(() => {
    running = false;
  });
  let unhealthy = 0;
  while (running) {
    await Promise.race([ended, sleep(HEALTH_INTERVAL_MS, undefined, { ref: false })]);
    if (!running) return;
    unhealthy = (await saysUnhealthy(options.url)) ? unhealthy + 1 : 0;
    if (unhealthy < UNHEALTHY_ANSWERS) continue;
    log(`${child.name} reports that it is unhealthy, restarting it`);
    await child.stop();
  }
}

/** No answer is no statement; whether the process lives is the supervisor's to see. */
function saysUnhealthy(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Not fetch, which would load its whole stack into a process that asks for one status.
    const call = request(
      url,
      { agent: false, signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) },
      (response) => {
        response.resume();
        resolve(response.statusCode === 503);
      },
    );
    call.on('error', () => resolve(false));
    call.end();
  });
}
