import { closeSync, mkdirSync, openSync } from 'node:fs';
import { request } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ManagedProcess, startChild } from './child-process.ts';
import {
  applicationUser,
  type ClickHousePasswords,
  clickHouseLogFile,
  inspectorUser,
  writeClickHouseConfig,
} from './clickhouse-config.ts';
import { pickFreePort } from './free-port.ts';
import { untilReady } from './until-ready.ts';

/** What {@link startClickHouse} needs. */
export interface ClickHouseOptions {
  dataDir: string;
  passwords: ClickHousePasswords;
  /** Default: any free port. */
  port?: number;
  /** Default: half of the machine's memory, between 1 and 4 GiB. */
  maxMemoryBytes?: number;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  readyTimeoutMs?: number;
}

/** A running ClickHouse that answers HTTP on loopback. */
export interface ClickHouse extends ManagedProcess {
  readonly url: string;
  readonly port: number;
  /** User of the services, with every right on the databases `millrace` and `analytics`. */
  readonly application: { username: string; password: string };
  /** User that may read every table. */
  readonly inspector: { username: string; password: string };
}

/** Starts a ClickHouse on a data directory and resolves when the application's user can query it. */
export async function startClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  const env = options.env ?? process.env;
  const dataDir = resolve(options.dataDir);
  const port = options.port ?? (await pickFreePort());
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const configFile = writeClickHouseConfig({ ...options, dataDir, port });
  const logFile = clickHouseLogFile(dataDir);
  const password = options.passwords.application;

  // What the engine prints before its log is open goes to a file of its own, started anew each time.
  const consoleFile = `${logFile}.console`;
  const output = openSync(consoleFile, 'w', 0o600);
  const child = await startChild({
    name: 'clickhouse',
    ...commandLine({ env, configFile, port }),
    env: { ...env, CLICKHOUSE_PASSWORD: password },
    cwd: dataDir,
    stdio: ['ignore', output, output],
    stopTimeoutMs: 4_000,
    recordFile: resolve(dataDir, 'process.json'),
  }).finally(() => closeSync(output));
  await untilReady({
    child,
    logFile: consoleFile,
    timeoutMs: options.readyTimeoutMs ?? 60_000,
    isReady: () => answers({ port, password }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return {
    ...child,
    port,
    url: `http://127.0.0.1:${port}`,
    application: { username: applicationUser, password },
    inspector: { username: inspectorUser, password: options.passwords.inspector },
  };
}

function commandLine({
  env,
  configFile,
  port,
}: {
  env: NodeJS.ProcessEnv;
  configFile: string;
  port: number;
}) {
  const binary = env['CLICKHOUSE_BIN'];
  if (binary !== undefined && binary !== '') {
    return { command: binary, args: ['server', `--config-file=${configFile}`] };
  }
  const host = fileURLToPath(new URL('./clickhouse-host.ts', import.meta.url));
  // Only the engine works in that process: its Node needs little room.
  const nodeOptions = ['--max-semi-space-size=1', '--optimize-for-size'];
  return {
    command: process.execPath,
    args: [...nodeOptions, host, configFile, String(port), applicationUser],
  };
}

function answers({ port, password }: { port: number; password: string }): Promise<boolean> {
  return new Promise((settle) => {
    const headers = { 'X-ClickHouse-User': applicationUser, 'X-ClickHouse-Key': password };
    const path = '/?query=SELECT%201';
    const call = request(
      { host: '127.0.0.1', port, path, headers, agent: false, timeout: 1_000 },
      (response) => {
        response.resume();
        settle(response.statusCode === 200);
      },
    );
    call.on('timeout', () => call.destroy());
    call.on('error', () => settle(false));
    call.end();
  });
}
