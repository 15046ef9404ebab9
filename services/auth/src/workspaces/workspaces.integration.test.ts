import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { systemClock } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
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
import { openPeople, type People, sessionOf } from '../../test/people.ts';
import { indexMemberships } from '../store/memberships.ts';
import { type UserRecord, userKey } from '../store/user-record.ts';
import { ensureHomeWorkspace, homeWorkspaceIdFor } from './home-workspace.ts';

let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

const startWorkspaces = async (environment: Record<string, string> = ENVIRONMENT) => {
  const { auth, stop } = await startAuth(bench, environment);
  return { workspaces: methodsOf(auth).workspaces, stop };
};

/** As a sign-in on one replica does. */
const settle = (user: UserRecord, ownerEmail?: string, { store, audit } = people) =>
  ensureHomeWorkspace(
    {
      store,
      memberships: indexMemberships(store.workspaces),
      clock: systemClock,
      audit,
      defaultWorkspaceId: WORKSPACE,
      ownerEmail,
      newId: randomUUID,
    },
    user,
  );

test('who makes a workspace owns it, on every replica and after a restart', async () => {
  const here = await startWorkspaces();
  const there = await startWorkspaces();
  const ada = await people.addUser('ada');
  const actor = sessionOf(ada.id, 'viewer');
  const made: string[] = [];
  for (const name of ['Engine', 'Notes']) {
    const { workspace } = await createKnown(here.workspaces, { name, actor });
    assert.equal(workspace?.name, name);
    assert.equal(workspace?.role, Role.OWNER);
    made.push(workspace?.id ?? '');
  }
  const listed = async ({ workspaces }: typeof here) => {
    const answer = await workspaces.listWorkspaces({ userId: ada.id }, CALL);
    return answer.workspaces.map(({ id, role }) => [id, role]);
  };
  const expected = made.map((id) => [id, Role.OWNER]);
  assert.deepEqual(await listed(here), expected, 'oldest first');
  await eventually(async () => assert.deepEqual(await listed(there), expected));
  await here.stop();
  await there.stop();
  const again = await startWorkspaces();
  assert.deepEqual(await listed(again), expected);
  const entries = await people.entries(made[0] ?? '');
  assert.deepEqual(
    entries.map(({ action, outcome, actorUserId, targetId, requestId, ipAddress }) => ({
      action,
      outcome,
      actorUserId,
      targetId,
      requestId,
      ipAddress,
    })),
    [
      {
        action: 'workspace.created',
        outcome: 'succeeded',
        actorUserId: ada.id,
        targetId: made[0],
        requestId: actor.requestId,
        ipAddress: actor.ipAddress,
      },
    ],
  );
  await again.stop();
});

test('a key makes no workspace, and a person at most 100', async () => {
  const { workspaces, stop } = await startWorkspaces();
  await assert.rejects(workspaces.createWorkspace({ name: 'x', actor: KEY_HOLDER }, CALL), {
    code: 'permission_denied',
  });
  const many = await people.addUser('many');
  const elsewhere = await people.addWorkspace([[many.id, 'admin']]);
  for (let i = 0; i < 99; i++) await people.addWorkspace([[many.id, 'owner']]);
  const request = { name: 'The hundredth', actor: sessionOf(many.id, 'owner') };
  await untilListed(workspaces, many, 100);
  await createKnown(workspaces, request);
  await assert.rejects(workspaces.createWorkspace(request, CALL), { code: 'failed_precondition' });
  await workspaces.getWorkspace({ workspaceId: elsewhere, userId: many.id }, CALL);
  await stop();
});

test('a workspace is renamed and limited, each without the other, and the limit is taken back', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const owner = await people.addUser('renaming');
  const workspaceId = await people.addWorkspace([[owner.id, 'owner']]);
  const actor = sessionOf(owner.id, 'owner');
  await workspaces.updateWorkspace({ workspaceId, name: 'Renamed', actor }, CALL);
  const rateLimit = { requestsPerMinute: 600, burst: 0 };
  const limited = await workspaces.updateWorkspace({ workspaceId, rateLimit, actor }, CALL);
  assert.equal(limited.workspace?.name, 'Renamed');
  assert.equal(limited.workspace?.rateLimit?.requestsPerMinute, 600);
  assert.equal(limited.workspace?.rateLimit?.burst, 100);
  const key = { ...KEY_HOLDER, permissions: ['workspace:manage'] };
  const none = { requestsPerMinute: 0 };
  const free = await workspaces.updateWorkspace({ workspaceId, rateLimit: none, actor: key }, CALL);
  assert.equal(free.workspace?.rateLimit, undefined);
  assert.deepEqual(
    (await people.entries(workspaceId)).map(({ action, detailsJson }) => [action, JSON.parse(detailsJson)]),
    [
      ['workspace.updated', { name: 'Renamed' }],
      ['workspace.updated', { rateLimit: { requestsPerMinute: 600, burst: 100 } }],
      ['workspace.updated', { rateLimit: null }],
    ],
  );
  for (const [field, wrong] of [
    ['name', { name: '' }],
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(129) }],
    ['name', { name: 'two\nlines' }],
    ['rate_limit', { rateLimit: { requestsPerMinute: 60_000_001 } }],
    ['rate_limit', { rateLimit: { requestsPerMinute: 10, burst: 11 } }],
  ] as const) {
    await assert.rejects(workspaces.updateWorkspace({ workspaceId, ...wrong, actor }, CALL), {
      code: 'invalid_argument',
      message: new RegExp(`^${field}: `),
    });
  }
  await stop();
});

test('members are listed with their addresses, oldest first', async () => {
  const { workspaces, stop } = await startWorkspaces();
  const [first, second] = [await people.addUser('first'), await people.addUser('second')];
  const workspaceId = await people.addWorkspace([
    [first.id, 'owner'],
    [second.id, 'viewer'],
  ]);
  await untilListed(workspaces, second, 1);
  const { members } = await workspaces.listMembers({ workspaceId }, CALL);
  assert.deepEqual(
    members.map(({ userId, email, role }) => [userId, email, role]),
    [
      [first.id, first.email, Role.OWNER],
      [second.id, second.email, Role.VIEWER],
    ],
  );
  await stop();
});

test('a home workspace is made once, however often and wherever somebody signs in at once', async () => {
  const other = await openPeople(bench);
  const user = await people.addUser('grace');
  await Promise.all([settle(user), settle(user, undefined, other), settle(user)]);
  await settle(user);
  assert.deepEqual(await people.rolesIn(user.homeWorkspaceId), { [user.id]: 'owner' });
  assert.equal(people.store.workspaces.get(user.homeWorkspaceId)?.value.name, "grace's workspace");
  const entries = await people.entries(user.homeWorkspaceId);
  assert.deepEqual(
    entries.map(({ action, actorUserId }) => [action, actorUserId]),
    [['workspace.created', user.id]],
  );
});

test('who was removed from their home does not come back by signing in, and gets another one', async () => {
  const user = await people.addUser('removed');
  const heir = await people.addUser('heir');
  await settle(user);
  const home = await people.store.workspaces.read(user.homeWorkspaceId);
  assert.ok(home);
  const members = [{ userId: heir.id, role: 'owner' as const, joinedAtMs: 1 }];
  await people.store.workspaces.update(user.homeWorkspaceId, { ...home.value, members }, home.revision);
  await settle(user);
  assert.deepEqual(await people.rolesIn(user.homeWorkspaceId), { [heir.id]: 'owner' });
  const now = (await people.store.users.read(userKey(user.email)))?.value ?? user;
  assert.notEqual(now.homeWorkspaceId, user.homeWorkspaceId);
  assert.deepEqual(await people.rolesIn(now.homeWorkspaceId), { [user.id]: 'owner' });
});

test('the owner of the installation owns the default workspace from their sign-in on', async () => {
  const { stop } = await startWorkspaces();
  const ids = { defaultWorkspaceId: WORKSPACE, newId: () => 'new' };
  const ownerEmail = 'Chief@Example.com';
  assert.equal(homeWorkspaceIdFor({ email: 'chief@example.com', ownerEmail, ...ids }), WORKSPACE);
  assert.equal(homeWorkspaceIdFor({ email: 'other@example.com', ownerEmail, ...ids }), 'new');
  assert.equal(homeWorkspaceIdFor({ email: 'other@example.com', ownerEmail: undefined, ...ids }), 'new');
  const chief = { ...(await people.addUser('chief')), homeWorkspaceId: WORKSPACE };
  await settle(await people.addUser('passer-by'), ownerEmail);
  assert.deepEqual(await people.rolesIn(WORKSPACE), {});
  await Promise.all([settle(chief, ownerEmail), settle(chief, ownerEmail)]);
  assert.deepEqual(await people.rolesIn(WORKSPACE), { [chief.id]: 'owner' });
  await people.setRole(WORKSPACE, chief.id, 'viewer');
  await settle(chief, ownerEmail);
  assert.deepEqual(await people.rolesIn(WORKSPACE), { [chief.id]: 'owner' });
  await stop();
});

test('an owner who has signed in before is made one at the start', async () => {
  const before = await people.rolesIn(WORKSPACE);
  const early = await people.addUser('early');
  const environment = { ...ENVIRONMENT, BOOTSTRAP_OWNER_EMAIL: 'EARLY@example.com' };
  const replicas = await Promise.all([startWorkspaces(environment), startWorkspaces(environment)]);
  assert.deepEqual(await people.rolesIn(WORKSPACE), { ...before, [early.id]: 'owner' });
  for (const { stop } of replicas) await stop();
  const told = (await people.entries(WORKSPACE)).filter(({ targetId }) => targetId === early.id);
  assert.equal(told.length, 1);
  const unknown = await startWorkspaces({ ...ENVIRONMENT, BOOTSTRAP_OWNER_EMAIL: 'nobody@example.com' });
  assert.deepEqual(await people.rolesIn(WORKSPACE), { ...before, [early.id]: 'owner' });
  await unknown.stop();
});

type Methods = ReturnType<typeof methodsOf>['workspaces'];

/** The user was written beside the service, whose index shows them a moment later. */
const createKnown = (workspaces: Methods, request: Parameters<Methods['createWorkspace']>[0]) =>
  eventually(() => workspaces.createWorkspace(request, CALL));

const untilListed = (workspaces: Methods, user: UserRecord, count: number) =>
  eventually(async () => {
    const answer = await workspaces.listWorkspaces({ userId: user.id }, CALL);
    assert.equal(answer.workspaces.length, count);
  });
