import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import {
  AuthService,
  CredentialChangedSchema,
  CredentialKind,
  Refusal,
} from '@millrace/contracts/millrace/auth/v1/auth';
import {
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
import { type NatsServer, startNatsServer } from '../../../packages/embedded/src/index.ts';
import { type Auth, authConfig, CREDENTIAL_CHANGED_SUBJECT, createAuth } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const WORKSPACE = 'default-workspace';
const API_KEY = `evp_${'k'.repeat(40)}KEY`;
const EXTERNAL_TOKEN = '0123456789abcdef'.repeat(4);
const ENVIRONMENT = {
  MILLRACE_ENV: 'production',
  KEY_PEPPER: 'a pepper of thirty-two characters',
  BOOTSTRAP_WORKSPACE_ID: WORKSPACE,
  BOOTSTRAP_API_KEY: API_KEY,
  BOOTSTRAP_EXTERNAL_EVENT_TOKEN: EXTERNAL_TOKEN,
  EMAIL_API_KEY: 'email-api-key-canary',
  COMPOZY_API_TOKEN: 'workflow-token-canary',
};

let server: NatsServer;
let dataDir: string;
const closing: (() => Promise<void>)[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-auth-'));
  server = await startNatsServer({ dataDir });
});

after(async () => {
  for (const close of closing.reverse()) await close();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

test('credentials of the environment work, and still do after a restart, with the same ids', async () => {
  const first = await startAuth(ENVIRONMENT);
  const expected = [
    [API_KEY, CredentialKind.ANALYTICS_KEY, '*'],
    [EXTERNAL_TOKEN, CredentialKind.EXTERNAL_EVENT_TOKEN, 'events:write'],
    [ENVIRONMENT.EMAIL_API_KEY, CredentialKind.ENVIRONMENT, 'events:write'],
    [ENVIRONMENT.COMPOZY_API_TOKEN, CredentialKind.ENVIRONMENT, 'events:write'],
  ] as const;
  const ids = expected.map(([secret, kind, permission]) => {
    const verdict = granted(first.auth, secret);
    assert.equal(verdict.credentialKind, kind);
    assert.deepEqual([...verdict.permissions], [permission]);
    assert.equal(verdict.workspaceId, WORKSPACE);
    return verdict.credentialId;
  });
  await first.stop();
  const again = await Promise.all([startAuth(ENVIRONMENT), startAuth(ENVIRONMENT), startAuth(ENVIRONMENT)]);
  for (const { auth, stop } of again) {
    assert.deepEqual(
      expected.map(([secret]) => granted(auth, secret).credentialId),
      ids,
    );
    await stop();
  }
});

test('a credential that left the environment is refused everywhere, and comes back with it', async () => {
  const running = await startAuth(ENVIRONMENT);
  const { EMAIL_API_KEY, ...rest } = ENVIRONMENT;
  const { credentialId } = granted(running.auth, EMAIL_API_KEY);
  const without = await startAuth(rest);
  const revoked = { kind: 'refused', refusal: Refusal.REVOKED };
  assert.deepEqual(without.auth.verify(EMAIL_API_KEY), revoked);
  await until(() => running.auth.verify(EMAIL_API_KEY).kind === 'refused', 1_000);
  await without.stop();
  const back = await startAuth(ENVIRONMENT);
  assert.equal(granted(back.auth, EMAIL_API_KEY).credentialId, credentialId);
  await back.stop();
  await running.stop();
});

test('development without a token takes dev-token and test-token; production afterwards takes neither', async () => {
  const development = await startAuth({
    BOOTSTRAP_WORKSPACE_ID: WORKSPACE,
    KEY_PEPPER: ENVIRONMENT.KEY_PEPPER,
  });
  for (const token of ['dev-token', 'test-token']) {
    assert.deepEqual([...granted(development.auth, token).permissions], ['events:write']);
  }
  await development.stop();
  const production = await startAuth(ENVIRONMENT);
  for (const token of ['dev-token', 'test-token']) {
    assert.equal(production.auth.verify(token).kind, 'refused');
  }
  await production.stop();
});

test('a default workspace is made once, whoever starts first, and kept', async () => {
  const environment = { MILLRACE_ENV: 'development' };
  const other = await mkdtemp(join(tmpdir(), 'millrace-auth-'));
  const ownServer = await startNatsServer({ dataDir: other });
  const replicas = await Promise.all([1, 2, 3].map(() => startAuth(environment, ownServer.url)));
  const [id] = replicas.map(({ auth }) => auth.defaultWorkspaceId);
  for (const { auth, stop } of replicas) {
    assert.match(auth.defaultWorkspaceId, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.equal(auth.defaultWorkspaceId, id);
    assert.equal(granted(auth, 'dev-token').workspaceId, id);
    await stop();
  }
  const later = await startAuth(environment, ownServer.url);
  assert.equal(later.auth.defaultWorkspaceId, id);
  await later.stop();
  await ownServer.stop();
  await rm(other, { recursive: true });
});

test('an issued credential works on every replica, and once revoked on none, with an announcement', async () => {
  const here = await startAuth(ENVIRONMENT);
  const there = await startAuth(ENVIRONMENT);
  const client = await grpcClientOf(here.auth);
  const announced: string[] = [];
  there.connection.subscribe(CREDENTIAL_CHANGED_SUBJECT, {
    callback: (_, message) => announced.push(fromBinary(CredentialChangedSchema, message.data).credentialId),
  });
  await there.connection.flush();
  for (const [kind, form] of [
    [CredentialKind.ANALYTICS_KEY, /^evp_[A-Za-z0-9_-]{43}$/],
    [CredentialKind.SECRET_KEY, /^sk_[A-Za-z0-9_-]{43}$/],
    [CredentialKind.EXTERNAL_EVENT_TOKEN, /^[0-9a-f]{64}$/],
  ] as const) {
    const { credential, secret } = await client.createCredential(
      { workspaceId: WORKSPACE, userId: 'u', kind, name: 'mine', permissions: ['events:write'] },
      { timeoutMs: 5_000 },
    );
    assert.match(secret, form);
    const id = credential?.id ?? '';
    assert.equal(granted(here.auth, secret).credentialId, id);
    await until(() => there.auth.verify(secret).kind === 'granted', 1_000);
    announced.length = 0;
    await client.updateCredential({ workspaceId: WORKSPACE, id, active: false }, { timeoutMs: 5_000 });
    assert.deepEqual(here.auth.verify(secret), { kind: 'refused', refusal: Refusal.REVOKED });
    await until(() => there.auth.verify(secret).kind === 'refused' && announced.includes(id), 1_000);
    await client.updateCredential({ workspaceId: WORKSPACE, id, active: true }, { timeoutMs: 5_000 });
    await until(() => there.auth.verify(secret).kind === 'granted', 1_000);
    await client.deleteCredential({ workspaceId: WORKSPACE, id }, { timeoutMs: 5_000 });
    assert.equal(here.auth.verify(secret).kind, 'refused');
    await until(() => there.auth.verify(secret).kind === 'refused', 1_000);
  }
  await here.stop();
  await there.stop();
});

test('credentials are listed newest first in pages, without secrets, and never across workspaces', async () => {
  const { auth, stop } = await startAuth(ENVIRONMENT);
  const client = await grpcClientOf(auth);
  const options = { timeoutMs: 5_000 };
  const kind = CredentialKind.SECRET_KEY;
  for (let i = 0; i < 5; i++) {
    await client.createCredential({ workspaceId: WORKSPACE, kind, name: `key ${i}` }, options);
    await delay(2);
  }
  const first = await client.listCredentials({ workspaceId: WORKSPACE, kind, pageSize: 3 }, options);
  const second = await client.listCredentials(
    { workspaceId: WORKSPACE, kind, pageSize: 3, pageToken: first.nextPageToken },
    options,
  );
  const names = [...first.credentials, ...second.credentials].map(({ name }) => name);
  assert.deepEqual(names, ['key 4', 'key 3', 'key 2', 'key 1', 'key 0']);
  assert.equal(second.nextPageToken, '');
  const id = first.credentials[0]?.id ?? '';
  assert.equal(
    (await client.getCredential({ workspaceId: WORKSPACE, id }, options)).credential?.name,
    'key 4',
  );
  const foreign = { workspaceId: 'another', id };
  assert.equal((await client.listCredentials({ workspaceId: 'another' }, options)).credentials.length, 0);
  await assert.rejects(client.getCredential(foreign, options), { code: 'not_found' });
  await assert.rejects(client.updateCredential({ ...foreign, active: false }, options), {
    code: 'not_found',
  });
  await assert.rejects(client.deleteCredential(foreign, options), { code: 'not_found' });
  const environmentId = granted(auth, API_KEY).credentialId;
  await assert.rejects(client.deleteCredential({ workspaceId: WORKSPACE, id: environmentId }, options), {
    code: 'failed_precondition',
  });
  await assert.rejects(client.createCredential({ workspaceId: 'nowhere', kind, name: 'x' }, options), {
    code: 'not_found',
  });
  await stop();
});

test('10,000 mutants of good credentials are refused', async () => {
  const { auth, stop } = await startAuth(ENVIRONMENT);
  const originals = [API_KEY, EXTERNAL_TOKEN, ENVIRONMENT.EMAIL_API_KEY, ENVIRONMENT.COMPOZY_API_TOKEN];
  for (let i = 0; i < 10_000; i++) {
    const mutant = mutate(originals[i % originals.length] ?? '');
    if (originals.includes(mutant)) continue;
    assert.equal(auth.verify(mutant).kind, 'refused');
  }
  await stop();
});

test('what is stored holds no secret and no pepper', async () => {
  const { auth, stop } = await startAuth(ENVIRONMENT);
  const client = await grpcClientOf(auth);
  const { secret } = await client.createCredential(
    { workspaceId: WORKSPACE, kind: CredentialKind.ANALYTICS_KEY, name: 'dumped' },
    { timeoutMs: 5_000 },
  );
  await stop();
  const files = await readdir(join(dataDir, 'jetstream'), { recursive: true, withFileTypes: true });
  const blocks = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
  );
  const dump = blocks.join('');
  assert.ok(dump.includes('"environmentName":"BOOTSTRAP_API_KEY"'), 'the records are in the dump');
  const secrets = [
    ...Object.values(ENVIRONMENT).slice(3),
    ENVIRONMENT.KEY_PEPPER,
    secret,
    'dev-token',
    'test-token',
  ];
  for (const text of secrets) assert.equal(dump.includes(text), false, `the dump holds ${text}`);
});

test('the last use is written behind, at the latest when auth stops', async () => {
  const { auth, stop } = await startAuth(ENVIRONMENT);
  const { credentialId } = granted(auth, API_KEY);
  await stop();
  const again = await startAuth(ENVIRONMENT);
  const client = await grpcClientOf(again.auth);
  const { credential } = await client.getCredential(
    { workspaceId: WORKSPACE, id: credentialId },
    { timeoutMs: 5_000 },
  );
  assert.ok(credential?.lastUsedAt);
  await again.stop();
});

test('with the store out of reach auth stops answering, and answers again when it is back', async () => {
  let skewMs = 0;
  const clock = { now: systemClock.now, monotonic: () => systemClock.monotonic() + skewMs };
  const { auth, stop } = await startAuth(ENVIRONMENT, server.url, clock);
  const { port } = server;
  await server.stop();
  await delay(100);
  assert.equal(granted(auth, API_KEY).workspaceId, WORKSPACE, 'a short break is bridged');
  skewMs = 10_000;
  assert.throws(() => auth.verify(API_KEY), { code: 'unavailable' });
  server = await startNatsServer({ dataDir, port });
  await until(() => {
    try {
      return auth.verify(API_KEY).kind === 'granted';
    } catch {
      return false;
    }
  }, 5_000);
  await stop();
});

test('a start without any credential source says so', async () => {
  const other = await mkdtemp(join(tmpdir(), 'millrace-auth-'));
  const ownServer = await startNatsServer({ dataDir: other });
  const warnings: string[] = [];
  const loud = createLogger({ service: 'test', level: 'silent' });
  loud.warn = (...args: unknown[]) => void warnings.push(String(args.at(-1)));
  const connection = await connectNats({ url: ownServer.url, name: 'auth-test', log });
  const config = loadConfig(authConfig, { MILLRACE_ENV: 'production', KEY_PEPPER: ENVIRONMENT.KEY_PEPPER });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const auth = await createAuth({ connection, config, clock: systemClock, log: loud, registry });
  assert.ok(warnings.some((text) => text.startsWith('no credential source')));
  await auth.close();
  await connection.close();
  await ownServer.stop();
  await rm(other, { recursive: true });
});

async function startAuth(environment: Record<string, string>, url = server.url, clock = systemClock) {
  const connection = await connectNats({ url, name: 'auth-test', log });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const auth = await createAuth({
    connection,
    config: loadConfig(authConfig, environment),
    clock,
    log,
    registry,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= auth.close().then(() => connection.close());
    return stopped;
  };
  // A test that fails on its way must not keep the process from ending.
  closing.push(stop);
  return { auth, connection, stop };
}

async function grpcClientOf(auth: Auth) {
  const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
  const grpc = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [auth.binding],
    token,
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    tracing: await startTracing({ service: 'test', endpoint: undefined, log }),
    log,
  });
  const client = createGrpcClient(AuthService, { address: `127.0.0.1:${grpc.port}`, token });
  closing.push(async () => {
    client.close();
    await grpc.close();
  });
  return client.methods;
}

function granted(auth: Auth, secret: string) {
  const verdict = auth.verify(secret);
  if (verdict.kind !== 'granted') assert.fail(`refused: ${Refusal[verdict.refusal]}`);
  return verdict;
}

function mutate(secret: string): string {
  const at = randomInt(secret.length);
  switch (randomInt(4)) {
    case 0:
      return secret.slice(0, at) + secret.slice(at + 1);
    case 1:
      return `${secret.slice(0, at)}${String.fromCharCode(33 + randomInt(94))}${secret.slice(at + 1)}`;
    case 2:
      return `${secret.slice(0, at)}${secret.slice(at).toUpperCase()} `;
    default:
      return `${secret}${secret[at] ?? ''}`;
  }
}

async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not within ${timeoutMs} ms`);
    await delay(5);
  }
}
