import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { systemClock } from '@millrace/runtime';
import { createFixedClock, startMailServer } from '@millrace/testkit';
import {
  type Bench,
  CALL,
  ENVIRONMENT,
  KEY_HOLDER,
  methodsOf,
  startAuth,
  startBench,
  until,
} from '../../test/auth.ts';
import { openPeople, type People, sessionOf } from '../../test/people.ts';
import { indexMemberships } from '../store/memberships.ts';
import type { RoleName } from '../store/role.ts';
import type { UserRecord } from '../store/user-record.ts';
import { acceptInvitations, openInvitations } from './accept-invitations.ts';

const DEVELOPMENT = { ...ENVIRONMENT, MILLRACE_ENV: 'development' };
const DAY_MS = 24 * 60 * 60 * 1000;
let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

async function startWorkspaces(environment: Record<string, string> = DEVELOPMENT, clock = systemClock) {
  const { auth, stop } = await startAuth(bench, environment, clock);
  return { workspaces: methodsOf(auth).workspaces, stop };
}

async function ownedWorkspace() {
  const owner = await people.addUser(`owner-${randomUUID()}`);
  const workspaceId = await people.addWorkspace([[owner.id, 'owner']]);
  return { owner, workspaceId, actor: sessionOf(owner.id, 'owner') };
}

const accept = (user: UserRecord) =>
  acceptInvitations(
    {
      store: people.store,
      memberships: indexMemberships(people.store.workspaces),
      clock: systemClock,
      audit: people.audit,
    },
    user,
  );

test('the mail tells who invites, to what, and how to sign in; a key invites without a name', async () => {
  const mail = await startMailServer();
  bench.closeLater(() => mail.stop());
  const { workspaces, stop } = await startWorkspaces({ ...ENVIRONMENT, SMTP_URL: mail.url });
  const { owner, workspaceId, actor } = await ownedWorkspace();
  const request = { workspaceId, email: ' Ada@Example.COM ', role: Role.MEMBER };
  const { invitation } = await workspaces.inviteMember({ ...request, actor }, CALL);
  assert.equal(invitation?.email, 'ada@example.com');
  const first = await mail.waitFor('ada@example.com');
  assert.equal(first.subject, 'Invitation to the workspace Tested');
  for (const words of [owner.email, '"Tested"', 'POST /api/auth/request-code', 'ada@example.com', 'member']) {
    assert.ok(first.text.includes(words), `${words} is missing in: ${first.text}`);
  }
  await workspaces.inviteMember({ ...request, actor: KEY_HOLDER }, CALL);
  assert.match((await mail.waitFor('ada@example.com', 1)).text, /^The workspace invites you/);
  await stop();
});

test('unavailable, and nothing changed, when no mail can be sent', async () => {
  const { workspaces, stop } = await startWorkspaces(ENVIRONMENT);
  const { workspaceId, actor } = await ownedWorkspace();
  const request = { workspaceId, email: 'ada@example.com', role: Role.MEMBER, actor };
  await assert.rejects(workspaces.inviteMember(request, CALL), { code: 'unavailable' });
  assert.deepEqual((await people.store.workspaces.read(workspaceId))?.value.invitations, []);
  assert.deepEqual(await people.entries(workspaceId), []);
  await stop();
});

test('inviting again renews: the same invitation, with the new role and seven days more', async () => {
  const clock = createFixedClock(Date.now());
  const { workspaces, stop } = await startWorkspaces(DEVELOPMENT, clock);
  const { workspaceId, actor } = await ownedWorkspace();
  const request = { workspaceId, email: 'ada@example.com', actor };
  const first = await workspaces.inviteMember({ ...request, role: Role.VIEWER }, CALL);
  clock.advance(6 * DAY_MS);
  const second = await workspaces.inviteMember({ ...request, role: Role.ADMIN }, CALL);
  assert.equal(second.invitation?.id, first.invitation?.id);
  clock.advance(6 * DAY_MS);
  const { invitations } = await workspaces.listMembers({ workspaceId }, CALL);
  assert.deepEqual(
    invitations.map(({ id, role }) => [id, role]),
    [[first.invitation?.id, Role.ADMIN]],
  );
  clock.advance(DAY_MS);
  assert.deepEqual((await workspaces.listMembers({ workspaceId }, CALL)).invitations, [], 'it has lapsed');
  const third = await workspaces.inviteMember({ ...request, role: Role.VIEWER }, CALL);
  assert.notEqual(third.invitation?.id, first.invitation?.id);
  assert.equal((await people.store.workspaces.read(workspaceId))?.value.invitations.length, 1);
  await stop();
});

test('whoever proves the address becomes a member, once, wherever it was invited', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const one = await ownedWorkspace();
  const two = await ownedWorkspace();
  const ada = await people.addUser(`ada-${randomUUID()}`);
  for (const { workspaceId, actor } of [one, two]) {
    await workspaces.inviteMember({ workspaceId, email: ada.email, role: Role.ADMIN, actor }, CALL);
  }
  await untilOpen(ada, 2);
  await Promise.all([accept(ada), accept(ada)]);
  await accept(ada);
  for (const { owner, workspaceId, actor } of [one, two]) {
    assert.deepEqual(await people.rolesIn(workspaceId), { [owner.id]: 'owner', [ada.id]: 'admin' });
    assert.deepEqual((await people.store.workspaces.read(workspaceId))?.value.invitations, []);
    const joined = (await people.entries(workspaceId)).filter(({ action }) => action === 'member.joined');
    assert.deepEqual(
      joined.map(({ actorUserId, targetId }) => [actorUserId, targetId]),
      [[ada.id, ada.id]],
    );
    await assert.rejects(
      workspaces.inviteMember({ workspaceId, email: ada.email, role: Role.VIEWER, actor }, CALL),
      { code: 'already_exists' },
    );
  }
  await stop();
});

test('an invitation lifts a member to a higher role and lowers nobody', async () => {
  for (const [present, invited, expected] of [
    ['viewer', 'admin', 'admin'],
    ['admin', 'viewer', 'admin'],
    ['owner', 'member', 'owner'],
  ] as const) {
    const { owner, workspaceId } = await ownedWorkspace();
    const ada = await people.addUser(`ada-${randomUUID()}`);
    await putInvitation(workspaceId, ada, invited, Date.now() + DAY_MS);
    const stored = await people.store.workspaces.read(workspaceId);
    assert.ok(stored);
    const members = [...stored.value.members, { userId: ada.id, role: present, joinedAtMs: 5 }];
    await people.store.workspaces.update(workspaceId, { ...stored.value, members }, stored.revision);
    await accept(ada);
    assert.deepEqual(await people.rolesIn(workspaceId), { [owner.id]: 'owner', [ada.id]: expected });
    assert.deepEqual((await people.store.workspaces.read(workspaceId))?.value.invitations, []);
  }
});

test('a lapsed or revoked invitation makes nobody a member', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const { owner, workspaceId, actor } = await ownedWorkspace();
  const ada = await people.addUser(`ada-${randomUUID()}`);
  await putInvitation(workspaceId, ada, 'admin', Date.now() - 1);
  await accept(ada);
  const request = { workspaceId, email: ada.email, role: Role.ADMIN, actor };
  const { invitation } = await workspaces.inviteMember(request, CALL);
  const revocation = { workspaceId, invitationId: invitation?.id ?? '', actor };
  await workspaces.revokeInvitation(revocation, CALL);
  await assert.rejects(workspaces.revokeInvitation(revocation, CALL), { code: 'not_found' });
  await accept(ada);
  assert.deepEqual(await people.rolesIn(workspaceId), { [owner.id]: 'owner' });
  await stop();
});

test('of 50 addresses invited at once on two replicas every one is kept', async () => {
  const here = await startWorkspaces();
  const there = await startWorkspaces();
  const { workspaceId, actor } = await ownedWorkspace();
  const addresses = Array.from({ length: 50 }, (_, at) => `parallel-${at}@example.com`);
  await Promise.all(
    addresses.map((email, at) => {
      const { workspaces } = at % 2 === 0 ? here : there;
      return workspaces.inviteMember({ workspaceId, email, role: Role.MEMBER, actor }, CALL);
    }),
  );
  const stored = await people.store.workspaces.read(workspaceId);
  assert.deepEqual(stored?.value.invitations.map(({ email }) => email).sort(), addresses.sort());
  const entries = await people.entries(workspaceId);
  assert.equal(entries.filter(({ action }) => action === 'member.invited').length, 50);
  await here.stop();
  await there.stop();
});

test('a workspace has at most 200 open invitations and 1000 members', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const { workspaceId, actor } = await ownedWorkspace();
  const stored = await people.store.workspaces.read(workspaceId);
  assert.ok(stored);
  const open = Array.from({ length: 200 }, (_, at) => ({
    id: randomUUID(),
    email: `open-${at}@example.com`,
    role: 'viewer' as const,
    createdAtMs: 0,
    expiresAtMs: Date.now() + DAY_MS,
  }));
  await people.store.workspaces.update(workspaceId, { ...stored.value, invitations: open }, stored.revision);
  const request = { workspaceId, email: 'one-more@example.com', role: Role.VIEWER, actor };
  await assert.rejects(workspaces.inviteMember(request, CALL), { code: 'failed_precondition' });
  await workspaces.inviteMember({ ...request, email: 'open-7@example.com' }, CALL);
  const full = await people.store.workspaces.read(workspaceId);
  assert.ok(full);
  const ada = await people.addUser(`ada-${randomUUID()}`);
  const invitations = [{ ...(open[0] ?? assert.fail()), email: ada.email }];
  const members = Array.from({ length: 999 }, () => ({
    userId: randomUUID(),
    role: 'viewer' as const,
    joinedAtMs: 0,
  }));
  const crowd = { ...full.value, invitations, members: [...full.value.members, ...members] };
  await people.store.workspaces.update(workspaceId, crowd, full.revision);
  await assert.rejects(workspaces.inviteMember(request, CALL), { code: 'failed_precondition' });
  await accept(ada);
  const kept = (await people.store.workspaces.read(workspaceId))?.value;
  assert.equal(kept?.members.length, 1_000);
  assert.equal(kept?.invitations.length, 1, 'the invitation waits for room');
  await stop();
});

test('invalid_argument names the field', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const { workspaceId, actor } = await ownedWorkspace();
  const good = { workspaceId, email: 'ada@example.com', role: Role.MEMBER, actor };
  for (const [field, wrong] of [
    ['email', { email: 'not an address' }],
    ['email', { email: 'ada@example.com\r\nBcc: eve@example.com' }],
    ['role', { role: Role.UNSPECIFIED }],
  ] as const) {
    await assert.rejects(workspaces.inviteMember({ ...good, ...wrong }, CALL), {
      code: 'invalid_argument',
      message: new RegExp(`^${field}: `),
    });
  }
  const { actor: _, ...anonymous } = good;
  await assert.rejects(workspaces.inviteMember(anonymous, CALL), {
    code: 'invalid_argument',
    message: 'actor: is required',
  });
  await stop();
});

async function putInvitation(workspaceId: string, user: UserRecord, role: RoleName, expiresAtMs: number) {
  const stored = await people.store.workspaces.read(workspaceId);
  assert.ok(stored);
  const invitation = { id: randomUUID(), email: user.email, role, createdAtMs: 0, expiresAtMs };
  const changed = { ...stored.value, invitations: [invitation] };
  await people.store.workspaces.update(workspaceId, changed, stored.revision);
}

/** The invitations were written by another replica. */
async function untilOpen(user: UserRecord, count: number): Promise<void> {
  const open = () =>
    openInvitations(indexMemberships(people.store.workspaces), { email: user.email, nowMs: Date.now() });
  await until(() => open().length === count);
}
