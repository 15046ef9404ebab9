import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema, CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import {
  API_KEY,
  type Bench,
  ENVIRONMENT,
  granted,
  grpcClientOf,
  judged,
  KEY_HOLDER,
  startAuth,
  startBench,
  until,
  WORKSPACE,
} from '../../test/auth.ts';
import { CREDENTIAL_CHANGED_SUBJECT } from '../index.ts';

const actor = KEY_HOLDER;
let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.close());

test('an issued credential works on every replica, and once revoked on none, with an announcement', async () => {
  const here = await startAuth(bench, ENVIRONMENT);
  const there = await startAuth(bench, ENVIRONMENT);
  const client = await grpcClientOf(bench, here.auth);
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
      { workspaceId: WORKSPACE, kind, name: 'mine', permissions: ['events:write'], actor },
      { timeoutMs: 5_000 },
    );
    assert.match(secret, form);
    const id = credential?.id ?? '';
    assert.equal(granted(here.auth, secret).credentialId, id);
    await until(() => judged(there.auth, secret).kind === 'granted');
    announced.length = 0;
    await client.updateCredential({ workspaceId: WORKSPACE, id, active: false, actor }, { timeoutMs: 5_000 });
    assert.deepEqual(here.auth.verify(secret), { kind: 'refused', refusal: Refusal.REVOKED });
    await until(() => judged(there.auth, secret).kind === 'refused' && announced.includes(id));
    await client.updateCredential({ workspaceId: WORKSPACE, id, active: true, actor }, { timeoutMs: 5_000 });
    await until(() => judged(there.auth, secret).kind === 'granted');
    await client.deleteCredential({ workspaceId: WORKSPACE, id, actor }, { timeoutMs: 5_000 });
    assert.equal(judged(here.auth, secret).kind, 'refused');
    await until(() => judged(there.auth, secret).kind === 'refused');
  }
  await here.stop();
  await there.stop();
});

test('credentials are listed newest first in pages, without secrets, and never across workspaces', async () => {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
  const client = await grpcClientOf(bench, auth);
  const options = { timeoutMs: 5_000 };
  const kind = CredentialKind.SECRET_KEY;
  for (let i = 0; i < 5; i++) {
    await client.createCredential({ workspaceId: WORKSPACE, kind, name: `key ${i}`, actor }, options);
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
  await assert.rejects(client.updateCredential({ ...foreign, active: false, actor }, options), {
    code: 'not_found',
  });
  await assert.rejects(client.deleteCredential({ ...foreign, actor }, options), { code: 'not_found' });
  const environmentId = granted(auth, API_KEY).credentialId;
  await assert.rejects(
    client.deleteCredential({ workspaceId: WORKSPACE, id: environmentId, actor }, options),
    {
      code: 'failed_precondition',
    },
  );
  await assert.rejects(client.createCredential({ workspaceId: 'nowhere', kind, name: 'x', actor }, options), {
    code: 'not_found',
  });
  await stop();
});

test('the last use is written behind, at the latest when auth stops', async () => {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
  const { credentialId } = granted(auth, API_KEY);
  await stop();
  const again = await startAuth(bench, ENVIRONMENT);
  const client = await grpcClientOf(bench, again.auth);
  const { credential } = await client.getCredential(
    { workspaceId: WORKSPACE, id: credentialId },
    { timeoutMs: 5_000 },
  );
  assert.ok(credential?.lastUsedAt);
  await again.stop();
});
