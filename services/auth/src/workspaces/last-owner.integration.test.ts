import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { eventually } from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, methodsOf, startAuth, startBench } from '../../test/auth.ts';
import { openPeople, outcomeOf, type People, sessionOf } from '../../test/people.ts';
import { roleName } from '../store/role.ts';

let bench: Bench;
let people: People;
let workspaces: ReturnType<typeof methodsOf>['workspaces'];

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
  const { auth } = await startAuth(bench, ENVIRONMENT);
  workspaces = methodsOf(auth).workspaces;
});

after(() => bench.close());

test('everybody may leave, whatever their role; only the last owner stays', async () => {
  const owner = randomUUID();
  const leaving = roleName.options.map((role) => [randomUUID(), role] as const);
  const workspaceId = await people.addWorkspace([[owner, 'owner'], ...leaving]);
  for (const [userId, role] of leaving) {
    const listed = async () => (await workspaces.listWorkspaces({ userId }, CALL)).workspaces.length;
    await eventually(async () => assert.equal(await listed(), 1));
    await workspaces.removeMember({ workspaceId, userId, actor: sessionOf(userId, role) }, CALL);
    assert.equal(await listed(), 0);
  }
  assert.deepEqual(await people.rolesIn(workspaceId), { [owner]: 'owner' });
  const actor = sessionOf(owner, 'owner');
  const stays = { code: 'failed_precondition' };
  await assert.rejects(workspaces.removeMember({ workspaceId, userId: owner, actor }, CALL), stays);
  await assert.rejects(
    workspaces.updateMember({ workspaceId, userId: owner, role: Role.ADMIN, actor }, CALL),
    stays,
  );
  await workspaces.updateMember({ workspaceId, userId: owner, role: Role.OWNER, actor }, CALL);
  assert.deepEqual(await people.rolesIn(workspaceId), { [owner]: 'owner' });
});

test('of two owners who leave or remove each other at once, on two replicas, exactly one stays', async () => {
  const { auth } = await startAuth(bench, ENVIRONMENT);
  const there = methodsOf(auth).workspaces;
  for (let round = 0; round < 20; round++) {
    const [one, two] = [randomUUID(), randomUUID()];
    const workspaceId = await people.addWorkspace([
      [one, 'owner'],
      [two, 'owner'],
    ]);
    const actor = round % 2 === 0 ? sessionOf(one, 'owner') : undefined;
    const outcomes = await Promise.all([
      outcomeOf(
        workspaces.removeMember({ workspaceId, userId: one, actor: actor ?? sessionOf(two, 'owner') }, CALL),
      ),
      outcomeOf(there.removeMember({ workspaceId, userId: two, actor: sessionOf(two, 'owner') }, CALL)),
    ]);
    assert.equal(outcomes.filter((outcome) => outcome === 'allowed').length, 1, outcomes.join());
    assert.deepEqual(Object.values(await people.rolesIn(workspaceId)), ['owner']);
  }
});

test('a role is what it is on every replica, and after a restart', async () => {
  const there = await startAuth(bench, ENVIRONMENT);
  const [owner, other] = [randomUUID(), randomUUID()];
  const workspaceId = await people.addWorkspace([
    [owner, 'owner'],
    [other, 'viewer'],
  ]);
  const actor = sessionOf(owner, 'owner');
  await workspaces.updateMember({ workspaceId, userId: other, role: Role.ADMIN, actor }, CALL);
  const roleSeenBy = async (methods: typeof workspaces) =>
    (await methods.getWorkspace({ workspaceId, userId: other }, CALL)).workspace?.role;
  assert.equal(await roleSeenBy(workspaces), Role.ADMIN);
  await eventually(async () => assert.equal(await roleSeenBy(methodsOf(there.auth).workspaces), Role.ADMIN));
  await there.stop();
  const again = await startAuth(bench, ENVIRONMENT);
  assert.equal(await roleSeenBy(methodsOf(again.auth).workspaces), Role.ADMIN);
});
