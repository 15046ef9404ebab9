import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Bench, CALL, ENVIRONMENT, methodsOf, startAuth, startBench } from '../../test/auth.ts';
import { openPeople, outcomeOf, type People, sessionOf } from '../../test/people.ts';
import { type RoleName, roleName, toRoleMessage } from '../store/role.ts';

let bench: Bench;
let people: People;
let workspaces: ReturnType<typeof methodsOf>['workspaces'];

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
  const { auth } = await startAuth(bench, { ...ENVIRONMENT, MILLRACE_ENV: 'development' });
  workspaces = methodsOf(auth).workspaces;
});

after(() => bench.close());

const ROLES = roleName.options;
const MANAGES: Readonly<Record<RoleName, readonly RoleName[]>> = {
  owner: ['owner', 'admin', 'member', 'viewer'],
  admin: ['admin', 'member', 'viewer'],
  member: [],
  viewer: [],
};

/** The permissions of a key, and what its bearer may manage. */
const KEYS: readonly { permissions: readonly string[]; manages: readonly RoleName[] }[] = [
  { permissions: ['*'], manages: MANAGES.owner },
  { permissions: ['members:manage'], manages: MANAGES.admin },
  { permissions: ['events:write', 'workspace:manage', 'api-keys:manage'], manages: [] },
  { permissions: [], manages: [] },
];

type Attempt = (actor: ReturnType<typeof sessionOf>, workspaceId: string) => Promise<unknown>;

interface Action {
  readonly name: string;
  /** Every role that is given, taken or changed. */
  readonly touches: readonly RoleName[];
  /** Makes what is acted on and returns the act. */
  prepare(workspaceId: string): Promise<Attempt>;
}

async function addMember(workspaceId: string, role: RoleName): Promise<string> {
  const userId = randomUUID();
  const stored = await people.store.workspaces.read(workspaceId);
  assert.ok(stored);
  const members = [...stored.value.members, { userId, role, joinedAtMs: 9 }];
  await people.store.workspaces.update(workspaceId, { ...stored.value, members }, stored.revision);
  return userId;
}

async function addInvitation(workspaceId: string, email: string, role: RoleName): Promise<string> {
  const stored = await people.store.workspaces.read(workspaceId);
  assert.ok(stored);
  const invitation = { id: randomUUID(), email, role, createdAtMs: 0, expiresAtMs: Date.now() + 60_000 };
  const invitations = [...stored.value.invitations, invitation];
  await people.store.workspaces.update(workspaceId, { ...stored.value, invitations }, stored.revision);
  return invitation.id;
}

const freshAddress = () => `${randomUUID()}@example.com`;

const inviting = (role: RoleName): Action => ({
  name: `invite as ${role}`,
  touches: [role],
  prepare: async () => (actor, workspaceId) =>
    workspaces.inviteMember({ workspaceId, email: freshAddress(), role: toRoleMessage(role), actor }, CALL),
});

const renewing = (from: RoleName, to: RoleName): Action => ({
  name: `invite again, as ${to} instead of ${from}`,
  touches: [from, to],
  async prepare(workspaceId) {
    const email = freshAddress();
    await addInvitation(workspaceId, email, from);
    return (actor) => workspaces.inviteMember({ workspaceId, email, role: toRoleMessage(to), actor }, CALL);
  },
});

const revoking = (role: RoleName): Action => ({
  name: `revoke an invitation as ${role}`,
  touches: [role],
  async prepare(workspaceId) {
    const invitationId = await addInvitation(workspaceId, freshAddress(), role);
    return (actor) => workspaces.revokeInvitation({ workspaceId, invitationId, actor }, CALL);
  },
});

const changing = (from: RoleName, to: RoleName): Action => ({
  name: `make ${from} ${to}`,
  touches: [from, to],
  async prepare(workspaceId) {
    const userId = await addMember(workspaceId, from);
    return (actor) => workspaces.updateMember({ workspaceId, userId, role: toRoleMessage(to), actor }, CALL);
  },
});

const removing = (role: RoleName): Action => ({
  name: `remove ${role}`,
  touches: [role],
  async prepare(workspaceId) {
    const userId = await addMember(workspaceId, role);
    return (actor) => workspaces.removeMember({ workspaceId, userId, actor }, CALL);
  },
});

const pairs = ROLES.flatMap((from) => ROLES.map((to) => [from, to] as const));
const ACTIONS: readonly Action[] = [
  ...ROLES.map(inviting),
  ...ROLES.map(revoking),
  ...ROLES.map(removing),
  ...pairs.map(([from, to]) => renewing(from, to)),
  ...pairs.map(([from, to]) => changing(from, to)),
];

for (const actorRole of ROLES) {
  test(`what a ${actorRole} may do to whom`, async () => {
    const userId = randomUUID();
    const workspaceId = await people.addWorkspace([
      [randomUUID(), 'owner'],
      [userId, actorRole],
    ]);
    const actor = sessionOf(userId, actorRole);
    let refused = 0;
    for (const action of ACTIONS) {
      const attempt = await action.prepare(workspaceId);
      const earlier = await people.store.workspaces.read(workspaceId);
      const outcome = await outcomeOf(attempt(actor, workspaceId));
      const isAllowed = action.touches.every((role) => MANAGES[actorRole].includes(role));
      assert.equal(outcome, isAllowed ? 'allowed' : 'permission_denied', action.name);
      if (isAllowed) continue;
      refused++;
      const later = await people.store.workspaces.read(workspaceId);
      assert.deepEqual(later, earlier, `${action.name} changed something`);
    }
    const entries = await people.entries(workspaceId);
    const told = entries.filter(({ outcome }) => outcome === 'refused');
    assert.equal(told.length, refused, 'every refusal is in the audit log');
    assert.ok(entries.every(({ actorUserId }) => actorUserId === userId));
    assert.equal(entries.length, ACTIONS.length, 'and every success');
  });
}

for (const { permissions, manages } of KEYS) {
  test(`what a key with [${permissions.join(', ')}] may do to whom`, async () => {
    const owner = randomUUID();
    const workspaceId = await people.addWorkspace([[owner, 'owner']]);
    const nobodys = { ...sessionOf('', 'viewer'), permissions: [...permissions] };
    for (const actor of [nobodys, { ...nobodys, userId: owner }]) {
      for (const action of ACTIONS) {
        const attempt = await action.prepare(workspaceId);
        const isAllowed = action.touches.every((role) => manages.includes(role));
        const expected = isAllowed ? 'allowed' : 'permission_denied';
        assert.equal(await outcomeOf(attempt(actor, workspaceId)), expected, action.name);
      }
    }
  });
}

test('a verdict from before a demotion reaches no further than the role does now', async () => {
  const userId = randomUUID();
  const workspaceId = await people.addWorkspace([
    [randomUUID(), 'owner'],
    [userId, 'member'],
  ]);
  const victim = await addMember(workspaceId, 'viewer');
  const actor = sessionOf(userId, 'owner');
  await assert.rejects(workspaces.removeMember({ workspaceId, userId: victim, actor }, CALL), {
    code: 'permission_denied',
  });
  await assert.rejects(workspaces.updateWorkspace({ workspaceId, name: 'Mine', actor }, CALL), {
    code: 'permission_denied',
  });
});

test('somebody who is not a member finds no workspace, and nobody finds an unknown one', async () => {
  const owner = randomUUID();
  const workspaceId = await people.addWorkspace([[owner, 'owner']]);
  const stranger = sessionOf(randomUUID(), 'owner');
  const notFound = { code: 'not_found' };
  for (const id of [workspaceId, 'unknown']) {
    const userId = owner;
    await assert.rejects(
      workspaces.getWorkspace({ workspaceId: id, userId: stranger.userId }, CALL),
      notFound,
    );
    await assert.rejects(
      workspaces.updateWorkspace({ workspaceId: id, name: 'x', actor: stranger }, CALL),
      notFound,
    );
    await assert.rejects(
      workspaces.removeMember({ workspaceId: id, userId, actor: stranger }, CALL),
      notFound,
    );
    await assert.rejects(
      workspaces.inviteMember(
        { workspaceId: id, email: freshAddress(), role: Role.VIEWER, actor: stranger },
        CALL,
      ),
      notFound,
    );
  }
  await assert.rejects(workspaces.listMembers({ workspaceId: 'unknown' }, CALL), notFound);
  const actor = sessionOf(owner, 'owner');
  const elsewhere = { workspaceId, userId: stranger.userId, actor };
  await assert.rejects(workspaces.removeMember(elsewhere, CALL), notFound);
  await assert.rejects(workspaces.updateMember({ ...elsewhere, role: Role.VIEWER }, CALL), notFound);
  await assert.rejects(
    workspaces.revokeInvitation({ workspaceId, invitationId: 'x', actor }, CALL),
    notFound,
  );
});
