import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, type MailServer, startMailServer } from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, methodsOf, startBench, WORKSPACE } from '../../test/auth.ts';
import { openPeople, type People } from '../../test/people.ts';
import { openSignInBench, type Signer } from '../../test/sign-in.ts';

const DAY_MS = 24 * 60 * 60_000;

let bench: Bench;
let mail: MailServer;
let people: People;
let invitedOnly: Signer;

before(async () => {
  bench = await startBench();
  mail = await startMailServer();
  bench.closeLater(() => mail.stop());
  people = await openPeople(bench);
  invitedOnly = await openSignInBench(bench, mail, {
    ...ENVIRONMENT,
    SMTP_URL: mail.url,
    SIGN_UP: 'invited',
    BOOTSTRAP_OWNER_EMAIL: 'Owner@Example.com',
  });
});
after(() => bench.close());

async function invite(workspaceId: string, email: string, expiresAtMs: number): Promise<void> {
  const stored = await people.store.workspaces.read(workspaceId);
  assert.ok(stored);
  const invitation = { id: 'an invitation', email, role: 'member', createdAtMs: 0, expiresAtMs } as const;
  const changed = { ...stored.value, invitations: [invitation] };
  assert.equal((await people.store.workspaces.update(workspaceId, changed, stored.revision)).kind, 'written');
  const asked = { workspaceId };
  await eventually(async () => {
    const { invitations } = await methodsOf(invitedOnly.auth).workspaces.listMembers(asked, CALL);
    assert.ok(expiresAtMs < Date.now() || invitations.length === 1, 'the replica does not know of it yet');
  });
}

test('where only the invited may sign up, others get the same answer and no mail', async () => {
  const lapsed = await people.addWorkspace([['somebody', 'owner']]);
  await invite(lapsed, 'lapsed@example.com', Date.now() - 1);
  const answers = [];
  for (const email of ['stranger@example.com', 'lapsed@example.com', 'owner@example.com']) {
    answers.push((await invitedOnly.methods.requestCode({ email }, CALL)).retryAfterSeconds);
  }
  assert.deepEqual(answers, [0, 0, 0]);
  await mail.waitFor('owner@example.com');
  assert.deepEqual(
    mail.mails.map(({ to }) => to),
    ['owner@example.com'],
  );
});

test('who is invited signs up, and is a member with a workspace of their own besides', async () => {
  const inviting = await people.addWorkspace([['somebody', 'owner']]);
  await invite(inviting, 'guest@example.com', Date.now() + DAY_MS);
  const { user, workspaceId } = await invitedOnly.signIn('guest@example.com');
  assert.notEqual(workspaceId, inviting);
  assert.equal((await people.rolesIn(inviting))[user?.id ?? ''], 'member');
  const told = await people.entries(inviting);
  assert.ok(told.some(({ action, actorUserId }) => action === 'session.created' && actorUserId === user?.id));
  // Their invitation is used up: they may come back as a user.
  assert.equal((await invitedOnly.signIn('guest@example.com')).user?.id, user?.id);
});

test('the owner of the installation begins in the default workspace, as an owner', async () => {
  const { user, workspaceId, token } = await invitedOnly.signIn('owner@example.com');
  assert.equal(workspaceId, WORKSPACE);
  assert.equal((await people.rolesIn(WORKSPACE))[user?.id ?? ''], 'owner');
  const verdict = await invitedOnly.auth.verify(token);
  assert.ok(verdict.kind === 'granted' && verdict.permissions.has('*'));
});
