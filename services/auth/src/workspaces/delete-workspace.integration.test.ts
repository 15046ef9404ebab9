import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { Role, WorkspaceDeletionStatus } from '@millrace/contracts/millrace/auth/v1/workspace';
import { systemClock } from '@millrace/runtime';
import { eventually, type MailServer, startMailServer } from '@millrace/testkit';
import {
  type Bench,
  CALL,
  ENVIRONMENT,
  KEY_HOLDER,
  methodsOf,
  startAuth,
  startBench,
  WORKSPACE,
} from '../../test/auth.ts';
import { openPeople, outcomeOf, type People, sessionOf } from '../../test/people.ts';
import { openSignInBench } from '../../test/sign-in.ts';
import { newWorkspace } from '../store/workspace-record.ts';
import { ensureDefaultWorkspace } from './default-workspace.ts';

let bench: Bench;
let mail: MailServer;
let people: People;

before(async () => {
  bench = await startBench();
  mail = await startMailServer();
  bench.closeLater(() => mail.stop());
  people = await openPeople(bench);
});

after(() => bench.close());

const startReplica = async () => {
  const { auth, stop } = await startAuth(bench, { ...ENVIRONMENT, SMTP_URL: mail.url });
  return { auth, stop, ...methodsOf(auth) };
};

/** Somebody who owns a workspace, and the request that deletes it. */
async function owning(name: string) {
  const owner = await people.addUser(`${name}-${randomUUID()}`);
  const workspaceId = await people.addWorkspace([[owner.id, 'owner']]);
  return {
    owner,
    workspaceId,
    request: { workspaceId, name: 'Tested', actor: sessionOf(owner.id, 'owner') },
  };
}

const pause = { timeoutMs: 30_000, intervalMs: 20 };

test('every credential is refused on every replica; nobody sees the workspace or changes it, and nothing of anybody stays', async () => {
  const [here, there] = [await startReplica(), await startReplica()];
  const { owner, workspaceId, request } = await owning('all');
  const guest = await people.addUser(`guest-${randomUUID()}`);
  const { actor } = request;
  const issued = { workspaceId, name: 'k', permissions: ['events:write'], actor: KEY_HOLDER };
  const secrets: string[] = [];
  for (const [kind, userId] of [
    [CredentialKind.SECRET_KEY, ''],
    [CredentialKind.ANALYTICS_KEY, ''],
    [CredentialKind.EXTERNAL_EVENT_TOKEN, owner.id],
  ] as const) {
    const made = await here.credentials.createCredential({ ...issued, kind, userId }, CALL);
    secrets.push(made.secret);
  }
  await here.workspaces.inviteMember({ workspaceId, email: guest.email, role: Role.MEMBER, actor }, CALL);
  for (const { auth } of [here, there]) {
    await eventually(async () => {
      for (const secret of secrets) assert.equal((await auth.verify(secret)).kind, 'granted');
    }, pause);
  }

  const { deletion } = await eventually(() => here.workspaces.deleteWorkspace(request, CALL), pause);
  assert.equal(deletion?.workspaceId, workspaceId);
  assert.equal(deletion.status, WorkspaceDeletionStatus.UNSPECIFIED);
  for (const secret of secrets) assert.equal((await here.auth.verify(secret)).kind, 'refused', 'at once');
  for (const { auth, workspaces, credentials } of [here, there]) {
    await eventually(async () => {
      for (const secret of secrets) assert.equal((await auth.verify(secret)).kind, 'refused');
    }, pause);
    const listed = await workspaces.listWorkspaces({ userId: owner.id }, CALL);
    assert.deepEqual(listed.workspaces, []);
    const attempts = [
      workspaces.getWorkspace({ workspaceId }, CALL),
      workspaces.listMembers({ workspaceId }, CALL),
      workspaces.updateWorkspace({ workspaceId, name: 'Back', actor: KEY_HOLDER }, CALL),
      workspaces.inviteMember(
        { workspaceId, email: 'x@example.com', role: Role.OWNER, actor: KEY_HOLDER },
        CALL,
      ),
      workspaces.deleteWorkspace(request, CALL),
      credentials.createCredential({ ...issued, kind: CredentialKind.SECRET_KEY }, CALL),
    ];
    for (const attempt of attempts) assert.equal(await outcomeOf(attempt), 'not_found');
  }
  const stored = await people.store.workspaces.read(workspaceId);
  const { id, atMs } = stored?.value.deletion ?? assert.fail();
  const created = { id: workspaceId, name: '', createdAtMs: stored?.value.createdAtMs ?? 0, members: [] };
  assert.deepEqual(stored?.value, { ...newWorkspace(created), deletion: { id, atMs, request: null } });
  await eventually(() => {
    const left = [...people.store.credentials.entries()].filter(
      ([, { value }]) => value.workspaceId === workspaceId,
    );
    assert.deepEqual(left, []);
  }, pause);
  const told = (await people.entries(WORKSPACE)).filter(({ targetId }) => targetId === workspaceId);
  assert.deepEqual(
    told.map((entry) => [entry.action, entry.outcome, entry.actorUserId, entry.requestId]),
    [['workspace.deleted', 'succeeded', owner.id, actor.requestId]],
  );
  await here.stop();
  await there.stop();
});

test('whoever asked watches the job on every replica; nobody else learns of it', async () => {
  const [here, there] = [await startReplica(), await startReplica()];
  const first = await owning('watching');
  const second = { ...first.request, workspaceId: await people.addWorkspace([[first.owner.id, 'owner']]) };
  const ids: (string | undefined)[] = [];
  for (const request of [first.request, second]) {
    const answer = await eventually(() => here.workspaces.deleteWorkspace(request, CALL), pause);
    ids.unshift(answer.deletion?.id);
  }
  const userId = first.owner.id;
  await eventually(async () => {
    const { deletions } = await there.workspaces.listWorkspaceDeletions({ userId }, CALL);
    assert.deepEqual(
      deletions.map(({ id }) => id),
      ids,
    );
  }, pause);
  const [id = ''] = ids;
  const { deletion } = await there.workspaces.getWorkspaceDeletion({ userId, id }, CALL);
  assert.equal(deletion?.workspaceId, second.workspaceId);
  const other = there.workspaces.getWorkspaceDeletion({ userId: randomUUID(), id }, CALL);
  assert.equal(await outcomeOf(other), 'not_found');
  await here.stop();
  await there.stop();
});

test('only an owner who has signed in may, by its name; the default workspace stays; of two at once one does', async () => {
  const { workspaces, stop } = await startReplica();
  const { owner, workspaceId, request } = await owning('refused');
  const [admin, second, stranger] = [
    await people.addUser(`admin-${randomUUID()}`),
    await people.addUser(`second-${randomUUID()}`),
    await people.addUser(`stranger-${randomUUID()}`),
  ];
  const members = (
    [
      [owner.id, 'owner'],
      [admin.id, 'admin'],
      [second.id, 'owner'],
    ] as const
  ).map(([userId, role], joinedAtMs) => ({ userId, role, joinedAtMs }));
  const known = (await people.store.workspaces.read(workspaceId)) ?? assert.fail();
  await people.store.workspaces.update(workspaceId, { ...known.value, members }, known.revision);
  const asking = (change: object) => outcomeOf(workspaces.deleteWorkspace({ ...request, ...change }, CALL));
  await eventually(async () => assert.equal(await asking({ name: 'tested' }), 'invalid_argument'), pause);
  await assert.rejects(workspaces.deleteWorkspace({ ...request, name: 'Tested ' }, CALL), {
    message: /^name: /,
  });
  assert.equal(await asking({ actor: sessionOf(admin.id, 'admin') }), 'permission_denied');
  assert.equal(await asking({ actor: sessionOf(admin.id, 'owner') }), 'permission_denied');
  assert.equal(await asking({ actor: KEY_HOLDER }), 'permission_denied');
  assert.equal(await asking({ actor: sessionOf(stranger.id, 'owner') }), 'not_found');
  const defaultWorkspace = (await people.store.workspaces.read(WORKSPACE)) ?? assert.fail();
  await people.store.workspaces.update(
    WORKSPACE,
    { ...defaultWorkspace.value, members },
    defaultWorkspace.revision,
  );
  const ofDefault = { workspaceId: WORKSPACE, name: defaultWorkspace.value.name };
  assert.equal(await asking(ofDefault), 'failed_precondition');
  assert.deepEqual(Object.keys(await people.rolesIn(workspaceId)).length, 3, 'nothing was done yet');
  const both = await Promise.all([asking({}), asking({ actor: sessionOf(second.id, 'owner') })]);
  assert.deepEqual(both.sort(), ['allowed', 'not_found']);
  await stop();
});

test('an id is never used again: not as the default workspace, and not as the home of whoever signs in', async () => {
  const signer = await openSignInBench(bench, mail, { ...ENVIRONMENT, SMTP_URL: mail.url });
  const { workspaces } = methodsOf(signer.auth);
  const begun = await signer.signIn('homeless@example.com');
  const userId = begun.user?.id ?? '';
  const request = {
    workspaceId: begun.workspaceId,
    name: "homeless's workspace",
    actor: sessionOf(userId, 'owner'),
  };
  await workspaces.deleteWorkspace(request, CALL);
  const verdict = await signer.auth.verify(begun.token);
  assert.deepEqual(verdict, { kind: 'refused', refusal: Refusal.REVOKED });
  const again = await signer.signIn('homeless@example.com');
  assert.equal(again.user?.id, userId);
  assert.notEqual(again.workspaceId, begun.workspaceId);
  assert.deepEqual(await people.rolesIn(again.workspaceId), { [userId]: 'owner' });
  assert.deepEqual(await people.rolesIn(begun.workspaceId), {});

  const shared = await people.addWorkspace([[userId, 'viewer']]);
  await eventually(async () => {
    const listed = await workspaces.listWorkspaces({ userId }, CALL);
    assert.equal(listed.workspaces.length, 2);
  }, pause);
  await workspaces.deleteWorkspace({ ...request, workspaceId: again.workspaceId }, CALL);
  const told = () => people.entries(again.workspaceId);
  const before = await told();
  const code = await signer.requestCode('homeless@example.com');
  const wrong = code === '000000' ? '111111' : '000000';
  await assert.rejects(signer.verify('homeless@example.com', wrong), { code: 'unauthenticated' });
  await eventually(async () => {
    assert.ok((await people.entries(shared)).some(({ action }) => action === 'session.refused'));
  }, pause);
  const elsewhere = await signer.verify('homeless@example.com', code);
  assert.equal(elsewhere.workspaceId, shared, 'who belongs somewhere begins there');
  assert.deepEqual(await told(), before, 'the audit log of the old home is told nothing any more');
  const settled = { store: people.store, configuredId: begun.workspaceId, clock: systemClock };
  await assert.rejects(ensureDefaultWorkspace(settled), {
    code: 'failed_precondition',
    message: /BOOTSTRAP_WORKSPACE_ID: .* was deleted/,
  });
  await signer.stop();
});
