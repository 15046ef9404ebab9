import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthService, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import {
  callInProcess,
  createGrpcClient,
  createLogger,
  createMetricsRegistry,
  createServiceToken,
  loadConfig,
  startGrpcServer,
  startTracing,
  systemClock,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import { type Auth, authConfig, createAuth } from '../src/index.ts';
import type { Verdict } from '../src/verify.ts';

/** Says nothing. */
export const log = createLogger({ service: 'test', level: 'silent' });
/** The default workspace of `ENVIRONMENT`. */
export const WORKSPACE = 'default-workspace';
/** The key with every permission. */
export const API_KEY = `evp_${'k'.repeat(40)}KEY`;
/** The external-event token. */
export const EXTERNAL_TOKEN = '0f1e2d3c4b5a69788796a5b4c3d2e1f0112358d13213455890e1a2b3c4d5e6f7';
/** An environment with every credential that it can set. */
export const ENVIRONMENT = {
  MILLRACE_ENV: 'production',
  KEY_PEPPER: 'a pepper of thirty-two characters',
  BOOTSTRAP_WORKSPACE_ID: WORKSPACE,
  BOOTSTRAP_API_KEY: API_KEY,
  BOOTSTRAP_EXTERNAL_EVENT_TOKEN: EXTERNAL_TOKEN,
  EMAIL_API_KEY: 'email-api-key-canary-of-32-characters',
  COMPOZY_API_TOKEN: 'workflow-token-canary-of-32-characters',
};

/** Starts a nats-server on a directory of its own; `close` also closes what was opened with `closeLater`. */
export async function startBench() {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-auth-'));
  const bench = {
    dataDir,
    server: await startNatsServer({ password: 'a-password-of-tests', dataDir }),
    closeLater,
    close,
  };
  const closing: (() => Promise<void>)[] = [];
  function closeLater(closeOne: () => Promise<void>): void {
    closing.push(closeOne);
  }
  async function close(): Promise<void> {
    for (const closeOne of closing.reverse()) await closeOne();
    await bench.server.stop();
    await rm(dataDir, { recursive: true });
  }
  return bench;
}

/** What `startBench` yields. */
export interface Bench {
  readonly dataDir: string;
  server: NatsServer;
  closeLater(closeOne: () => Promise<void>): void;
  close(): Promise<void>;
}

/** An auth with a connection of its own. */
export async function startAuth(
  bench: Bench,
  environment: Record<string, string>,
  clock = systemClock,
  authLog = log,
) {
  const connection = await connectNats({ url: bench.server.url, name: 'auth-test', log });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const auth = await createAuth({
    connection,
    config: loadConfig(authConfig, environment),
    clock,
    log: authLog,
    registry,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= auth.close().then(() => connection.close());
    return stopped;
  };
  // A test that fails on its way must not keep the process from ending.
  bench.closeLater(stop);
  return { auth, connection, stop };
}

/** Who may do everything: the bearer of a key with every permission. */
export const KEY_HOLDER = {
  credentialId: 'a key',
  permissions: ['*'],
  ipAddress: '192.0.2.1',
  requestId: 'r',
};

/** Deadline of a test's calls. */
export const CALL = { timeoutMs: 5_000 };

/** Its methods, called in process. */
export function methodsOf(auth: Auth) {
  return {
    credentials: callInProcess(AuthService, auth.bindings.credentials),
    workspaces: callInProcess(WorkspaceService, auth.bindings.workspaces),
  };
}

/** Its methods about credentials, over loopback. */
export async function grpcClientOf(bench: Bench, auth: Auth) {
  const client = createGrpcClient(AuthService, await serve(bench, auth));
  bench.closeLater(async () => client.close());
  return client.methods;
}

/** Its methods for signing in, over loopback. */
export async function signInClientOf(bench: Bench, auth: Auth) {
  const client = createGrpcClient(SignInService, await serve(bench, auth));
  bench.closeLater(async () => client.close());
  return client.methods;
}

async function serve(bench: Bench, auth: Auth) {
  const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
  const grpc = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: Object.values(auth.bindings),
    token,
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    tracing: await startTracing({ service: 'test', endpoint: undefined, log }),
    log,
  });
  bench.closeLater(() => grpc.close());
  return { address: `127.0.0.1:${grpc.port}`, token };
}

/** The grant for a secret; fails when it is refused. */
export function granted(auth: Auth, secret: string) {
  const verdict = judged(auth, secret);
  if (verdict.kind !== 'granted') assert.fail(`refused: ${Refusal[verdict.refusal]}`);
  return verdict;
}

/** What auth says of a stored credential, without waiting. */
export function judged(auth: Auth, secret: string): Verdict {
  const verdict = auth.verify(secret);
  if (verdict instanceof Promise) assert.fail('only sessions take time to verify');
  return verdict;
}

/** Waits until a condition holds. */
export function until(condition: () => boolean): Promise<void> {
  return eventually(() => assert.ok(condition(), 'not yet'), { timeoutMs: 30_000, intervalMs: 5 });
}
