import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { startNatsServer } from '@millrace/embedded';
import { createLogger, createMetricsRegistry, loadConfig, systemClock } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import {
  API_KEY,
  type Bench,
  ENVIRONMENT,
  EXTERNAL_TOKEN,
  granted,
  judged,
  log,
  startAuth,
  startBench,
  until,
  WORKSPACE,
} from '../../test/auth.ts';
import { authConfig, createAuth } from '../index.ts';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.close());

test('credentials of the environment work, and still do after a restart, with the same ids', async () => {
  const first = await startAuth(bench, ENVIRONMENT);
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
  const again = await Promise.all([
    startAuth(bench, ENVIRONMENT),
    startAuth(bench, ENVIRONMENT),
    startAuth(bench, ENVIRONMENT),
  ]);
  for (const { auth, stop } of again) {
    assert.deepEqual(
      expected.map(([secret]) => granted(auth, secret).credentialId),
      ids,
    );
    await stop();
  }
});

test('a credential that left the environment is refused everywhere, and comes back with it', async () => {
  const running = await startAuth(bench, ENVIRONMENT);
  const { EMAIL_API_KEY, ...rest } = ENVIRONMENT;
  const { credentialId } = granted(running.auth, EMAIL_API_KEY);
  const without = await startAuth(bench, rest);
  const revoked = { kind: 'refused', refusal: Refusal.REVOKED };
  assert.deepEqual(without.auth.verify(EMAIL_API_KEY), revoked);
  await until(() => judged(running.auth, EMAIL_API_KEY).kind === 'refused');
  await without.stop();
  const back = await startAuth(bench, ENVIRONMENT);
  assert.equal(granted(back.auth, EMAIL_API_KEY).credentialId, credentialId);
  await back.stop();
  await running.stop();
});

test('development without a token takes dev-token and test-token; production afterwards takes neither', async () => {
  const development = await startAuth(bench, {
    BOOTSTRAP_WORKSPACE_ID: WORKSPACE,
    KEY_PEPPER: ENVIRONMENT.KEY_PEPPER,
  });
  for (const token of ['dev-token', 'test-token']) {
    assert.deepEqual([...granted(development.auth, token).permissions], ['events:write']);
  }
  await development.stop();
  const production = await startAuth(bench, ENVIRONMENT);
  for (const token of ['dev-token', 'test-token']) {
    assert.equal(judged(production.auth, token).kind, 'refused');
  }
  await production.stop();
});

test('a default workspace is made once, whoever starts first, and kept', async () => {
  const environment = { MILLRACE_ENV: 'development' };
  const own = await startBench();
  const replicas = await Promise.all([1, 2, 3].map(() => startAuth(own, environment)));
  const [id] = replicas.map(({ auth }) => auth.defaultWorkspaceId);
  for (const { auth, stop } of replicas) {
    assert.match(auth.defaultWorkspaceId, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.equal(auth.defaultWorkspaceId, id);
    assert.equal(granted(auth, 'dev-token').workspaceId, id);
    await stop();
  }
  const later = await startAuth(own, environment);
  assert.equal(later.auth.defaultWorkspaceId, id);
  await later.stop();
  await own.close();
});

test('with the store out of reach auth stops answering, and answers again when it is back', async () => {
  let skewMs = 0;
  const clock = { now: systemClock.now, monotonic: () => systemClock.monotonic() + skewMs };
  const { auth, stop } = await startAuth(bench, ENVIRONMENT, clock);
  const { port } = bench.server;
  await bench.server.stop();
  await delay(100);
  assert.equal(granted(auth, API_KEY).workspaceId, WORKSPACE, 'a short break is bridged');
  skewMs = 10_000;
  assert.throws(() => auth.verify(API_KEY), { code: 'unavailable' });
  bench.server = await startNatsServer({ password: 'a-password-of-tests', dataDir: bench.dataDir, port });
  await until(() => {
    try {
      return judged(auth, API_KEY).kind === 'granted';
    } catch {
      return false;
    }
  });
  await stop();
});

test('a start without any credential source says so', async () => {
  const own = await startBench();
  const warnings: string[] = [];
  const loud = createLogger({ service: 'test', level: 'silent' });
  loud.warn = (...args: unknown[]) => void warnings.push(String(args.at(-1)));
  const connection = await connectNats({ url: own.server.url, name: 'auth-test', log });
  const config = loadConfig(authConfig, { MILLRACE_ENV: 'production', KEY_PEPPER: ENVIRONMENT.KEY_PEPPER });
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const auth = await createAuth({ connection, config, clock: systemClock, log: loud, registry });
  assert.ok(warnings.some((text) => text.startsWith('no credential source')));
  await auth.close();
  await connection.close();
  await own.close();
});
