import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { eventually } from '@millrace/testkit';
import { type Bench, startBench } from '../../test/auth.ts';
import { decode, HOUR_MS, NOW_MS, openSessions, user, workspace } from '../../test/sessions.ts';
import { type UserRecord, userKey } from '../store/user-record.ts';

const EXPIRED = { kind: 'refused', refusal: Refusal.EXPIRED };
const REVOKED = { kind: 'refused', refusal: Refusal.REVOKED };

let bench: Bench;
let world: Awaited<ReturnType<typeof openSessions>>;

before(async () => {
  bench = await startBench();
  world = await openSessions(bench);
});
after(() => bench.close());

test('a session tells the user, the workspace, what their role allows, and when it ends', async () => {
  const token = await world.fresh();
  const [header, claims] = token.split('.').map((part, at) => (at < 2 ? decode(part) : {}));
  assert.deepEqual(header, { alg: 'EdDSA', typ: 'JWT', kid: world.keys.inForce().record.kid });
  assert.deepEqual(Object.keys(claims ?? {}).sort(), [
    'aud',
    'exp',
    'iat',
    'iss',
    'jti',
    'sub',
    'workspace_id',
  ]);
  assert.deepEqual(await world.verify(token), {
    kind: 'granted',
    credentialId: claims?.['jti'],
    workspaceId: workspace.id,
    userId: user.id,
    permissions: new Set(['events:read', 'analytics:read', 'schemas:read', 'members:read']),
    credentialKind: CredentialKind.SESSION,
    expiresAtMs: world.clock.now() + HOUR_MS,
    rateLimit: workspace.rateLimit,
  });
  assert.ok(token.length < 700, `${token.length}`);
});

test('a session lives an hour and not a second longer, and no longer than the one it comes from', async () => {
  const token = await world.fresh();
  const notAfterMs = world.clock.now() + 90_500;
  const short = await world.issue({ user, workspaceId: workspace.id, notAfterMs });
  assert.equal(short.expiresAtMs, notAfterMs - 500);
  world.clock.advance(90_000);
  assert.deepEqual(await world.verify(short.token), EXPIRED);
  world.clock.advance(HOUR_MS - 90_001);
  assert.equal((await world.verify(token)).kind, 'granted');
  world.clock.advance(1);
  assert.deepEqual(await world.verify(token), EXPIRED);
});

test('ending sessions ends those that began before, in the same millisecond too, and no later one', async () => {
  const before = await world.fresh();
  await world.changeUser({ sessionsValidFromMs: world.clock.now() + 1 });
  const next = await world.fresh();
  assert.deepEqual(await world.verify(before), REVOKED);
  assert.equal((await world.verify(next)).kind, 'granted');
  await world.changeUser({ sessionsValidFromMs: world.clock.now() + 2 });
  assert.deepEqual(await world.verify(next), REVOKED);
  await world.changeUser({ sessionsValidFromMs: 0 });
});

test('the role that counts is the one of now, and who was removed is out', async () => {
  const token = await world.fresh();
  await world.changeWorkspace({ members: [{ userId: user.id, role: 'owner', joinedAtMs: NOW_MS }] });
  const verdict = await world.verify(token);
  assert.ok(verdict.kind === 'granted');
  assert.deepEqual([...verdict.permissions], ['*']);
  await world.changeWorkspace({ members: [] });
  assert.deepEqual(await world.verify(token), REVOKED);
  await world.changeWorkspace({});
});

test('a session that is younger than the index waits a moment for its user', async () => {
  const other: UserRecord = {
    ...user,
    id: 'user-3',
    email: 'eve@example.com',
    homeWorkspaceId: 'workspace-3',
  };
  const { token } = await world.issue({ user: other, workspaceId: 'workspace-3' });
  const verdict = world.verify(token);
  await world.store.users.create(userKey(other.email), other);
  const members = [{ userId: other.id, role: 'owner', joinedAtMs: NOW_MS }] as const;
  await world.store.workspaces.create('workspace-3', {
    ...workspace,
    id: 'workspace-3',
    members: [...members],
  });
  assert.equal((await verdict).kind, 'granted');
});

test('cut off from the store for longer than five seconds nothing is answered', async () => {
  const token = await world.fresh();
  await bench.server.stop();
  await eventually(() => assert.notEqual(world.store.users.staleSinceMs, undefined));
  world.clock.advance(5_000);
  assert.equal((await world.verify(token)).kind, 'granted');
  world.clock.advance(1);
  await assert.rejects(world.verify(token), { code: 'unavailable' });
});
