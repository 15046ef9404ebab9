import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Bench, CALL, ENVIRONMENT, methodsOf, startAuth, startBench } from '../../test/auth.ts';
import { openPeople, sessionOf } from '../../test/people.ts';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.close());

test('an address that was invited too often is not written to, and nothing changes', async () => {
  const people = await openPeople(bench);
  const { auth, stop } = await startAuth(bench, { ...ENVIRONMENT, MILLRACE_ENV: 'development' });
  const { workspaces } = methodsOf(auth);
  const owner = await people.addUser(`owner-${randomUUID()}`);
  const workspaceId = await people.addWorkspace([[owner.id, 'owner']]);
  const actor = sessionOf(owner.id, 'owner');
  const request = { workspaceId, email: 'pestered@example.com', role: Role.VIEWER, actor };
  for (let i = 0; i < 5; i++) {
    const { invitation } = await workspaces.inviteMember(request, CALL);
    await workspaces.revokeInvitation({ workspaceId, invitationId: invitation?.id ?? '', actor }, CALL);
  }
  const { invitation, retryAfterSeconds } = await workspaces.inviteMember(request, CALL);
  assert.equal(invitation, undefined);
  assert.ok(retryAfterSeconds > 0);
  assert.deepEqual((await workspaces.listMembers({ workspaceId }, CALL)).invitations, []);
  await stop();
});
