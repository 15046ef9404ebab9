import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { eventually, type MailServer, startMailServer } from '@millrace/testkit';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { type Bench, CALL, ENVIRONMENT, startAuth, startBench } from '../../test/auth.ts';
import { openPeople, type People } from '../../test/people.ts';
import { openSignInBench, type Signer } from '../../test/sign-in.ts';

const ACTOR = { ipAddress: '192.0.2.1', requestId: 'r-1' };

let bench: Bench;
let mail: MailServer;
let people: People;
let signer: Signer;

before(async () => {
  bench = await startBench();
  mail = await startMailServer();
  bench.closeLater(() => mail.stop());
  people = await openPeople(bench);
  signer = await openSignInBench(bench, mail, { ...ENVIRONMENT, SMTP_URL: mail.url });
});
after(() => bench.close());

test('a session for another workspace is for members of it, and ends with the present one', async () => {
  const { user, workspaceId: home } = await signer.signIn('ida@example.com');
  const userId = user?.id ?? '';
  const shared = await people.addWorkspace([[userId, 'viewer']]);
  const foreign = await people.addWorkspace([['somebody', 'owner']]);
  const notAfterMs = Math.floor(Date.now() / 1_000) * 1_000 + 120_000;
  const asked = {
    userId,
    actor: { ...ACTOR, userId, credentialId: 'a session' },
    notAfter: { seconds: BigInt(notAfterMs / 1_000), nanos: 0 },
  };
  await eventually(async () => {
    const { token, expiresAt } = await signer.methods.createSession({ ...asked, workspaceId: shared }, CALL);
    assert.equal(expiresAt && timestampMs(expiresAt), notAfterMs);
    const verdict = await signer.auth.verify(token);
    assert.ok(verdict.kind === 'granted');
    assert.equal(verdict.workspaceId, shared);
    assert.ok(!verdict.permissions.has('*') && verdict.permissions.has('events:read'));
  });
  const told = await Promise.all([home, shared].map((id) => people.entries(id)));
  const isTold = told.map((entries) =>
    entries.some(({ actorCredentialId }) => actorCredentialId === 'a session'),
  );
  assert.deepEqual(isTold, [false, true], 'one workspace learns nothing of another');
  for (const workspaceId of [foreign, 'no-such', '']) {
    await assert.rejects(signer.methods.createSession({ ...asked, workspaceId }, CALL), {
      code: 'not_found',
    });
  }
  const past = { seconds: BigInt(Math.floor(Date.now() / 1_000) - 1), nanos: 0 };
  await assert.rejects(
    signer.methods.createSession({ ...asked, workspaceId: shared, notAfter: past }, CALL),
    { code: 'unauthenticated' },
  );
  const { notAfter, ...endless } = asked;
  assert.ok(notAfter);
  await assert.rejects(signer.methods.createSession({ ...endless, workspaceId: shared }, CALL), {
    code: 'invalid_argument',
  });
});

test('ending the sessions of a user ends them all, and a new one can begin at once', async () => {
  const first = await signer.signIn('jon@example.com');
  const second = await signer.signIn('jon@example.com');
  const userId = first.user?.id ?? '';
  const actor = { ...ACTOR, userId, credentialId: 'a session' };
  await signer.methods.endSessions({ userId, actor }, CALL);
  for (const { token } of [first, second]) {
    assert.deepEqual(await signer.auth.verify(token), { kind: 'refused', refusal: Refusal.REVOKED });
  }
  const third = await signer.signIn('jon@example.com');
  assert.equal((await signer.auth.verify(third.token)).kind, 'granted');
  const actions = (await people.entries(first.workspaceId)).map(({ action }) => action);
  assert.ok(actions.includes('sessions.ended'));
  await assert.rejects(signer.methods.endSessions({ userId: 'nobody', actor }, CALL), { code: 'not_found' });
});

test('a user can be read by their id, and nobody else', async () => {
  const { user } = await signer.signIn('kim@example.com');
  assert.deepEqual((await signer.methods.getUser({ userId: user?.id ?? '' }, CALL)).user, user);
  await assert.rejects(signer.methods.getUser({ userId: 'nobody' }, CALL), { code: 'not_found' });
});

test('with the published keys anybody can verify a session', async () => {
  const { token, workspaceId } = await signer.signIn('lea@example.com');
  const { jwksJson } = await signer.methods.getSigningKeys({}, CALL);
  const keys = createLocalJWKSet(JSON.parse(jwksJson) as JSONWebKeySet);
  const { payload } = await jwtVerify(token, keys, { issuer: 'millrace', audience: 'millrace' });
  assert.equal(payload['workspace_id'], workspaceId);
  assert.ok(!jwksJson.includes('"d"'));
});

test('replicas verify each other’s sessions, and a restart keeps them', async () => {
  const { token } = await signer.signIn('max@example.com');
  const other = await startAuth(bench, ENVIRONMENT);
  assert.equal((await other.auth.verify(token)).kind, 'granted');
  await other.stop();
  const again = await startAuth(bench, ENVIRONMENT);
  assert.equal((await again.auth.verify(token)).kind, 'granted');
  await again.stop();
});
