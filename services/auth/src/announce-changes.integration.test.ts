import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { eventually } from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, KEY_HOLDER, methodsOf, startAuth, startBench } from '../test/auth.ts';
import { openPeople, type People, sessionOf } from '../test/people.ts';
import { CREDENTIAL_CHANGED_SUBJECT } from './announce-changes.ts';
import { changeRecord } from './store/change-record.ts';
import { indexMemberships } from './store/memberships.ts';
import { userKey } from './store/user-record.ts';
import { acceptInvitations } from './workspaces/accept-invitations.ts';

let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

/** Two replicas, and what they announce while something is done. */
async function startReplicas() {
  const here = await startAuth(bench, { ...ENVIRONMENT, MILLRACE_ENV: 'development' });
  const there = await startAuth(bench, ENVIRONMENT);
  const heard: string[] = [];
  people.connection.subscribe(CREDENTIAL_CHANGED_SUBJECT, {
    callback(_, { data }) {
      const { credentialId, userId, workspaceId } = fromBinary(CredentialChangedSchema, data);
      heard.push([credentialId, userId, workspaceId].join('/'));
    },
  });
  await people.connection.flush();
  return {
    ...methodsOf(here.auth),
    /** Fails unless both replicas announce exactly this. */
    async announces(expected: readonly string[] | (() => readonly string[]), act: () => Promise<unknown>) {
      await act();
      const once = typeof expected === 'function' ? expected() : expected;
      const twice = once.flatMap((one) => [one, one]).sort();
      await eventually(async () => assert.deepEqual(heard.toSorted(), twice));
      await here.connection.flush();
      await there.connection.flush();
      await people.connection.flush();
      assert.deepEqual(heard.toSorted(), twice, 'and nothing more');
      heard.length = 0;
    },
    async stop() {
      await here.stop();
      await there.stop();
    },
  };
}

test('every replica announces who and what is judged otherwise from now on, and nothing else', async () => {
  const { workspaces, credentials, announces, stop } = await startReplicas();
  const ada = await people.addUser('ada');
  // Of a new user too: a session of theirs may have been refused by a replica that didn't know them yet.
  await announces([`/${ada.id}/`], async () => undefined);
  const owner = randomUUID();
  const actor = sessionOf(owner, 'owner');
  let workspaceId = '';
  await announces(
    () => [`//${workspaceId}`],
    async () => {
      workspaceId = await people.addWorkspace([[owner, 'owner']]);
    },
  );
  await announces([], () => workspaces.updateWorkspace({ workspaceId, name: 'Renamed', actor }, CALL));
  await announces([], () =>
    workspaces.inviteMember({ workspaceId, email: ada.email, role: Role.VIEWER, actor }, CALL),
  );
  const clock = { now: Date.now, monotonic: () => performance.now() };
  await announces([`/${ada.id}/`], () =>
    acceptInvitations(
      {
        store: people.store,
        memberships: indexMemberships(people.store.workspaces),
        clock,
        audit: people.audit,
      },
      ada,
    ),
  );
  await announces([`/${ada.id}/`], () =>
    workspaces.updateMember({ workspaceId, userId: ada.id, role: Role.ADMIN, actor }, CALL),
  );
  await announces([], () =>
    workspaces.updateMember({ workspaceId, userId: ada.id, role: Role.ADMIN, actor }, CALL),
  );
  await announces([`//${workspaceId}`], () =>
    workspaces.updateWorkspace({ workspaceId, rateLimit: { requestsPerMinute: 60 }, actor }, CALL),
  );
  await announces([`/${ada.id}/`], () =>
    changeRecord(people.store.users, userKey(ada.email), (user) => ({ ...user, sessionsValidFromMs: 7 })),
  );
  await announces([], () =>
    changeRecord(people.store.users, userKey(ada.email), (user) => ({ ...user, homeWorkspaceId: 'x' })),
  );
  let id = '';
  await announces(
    () => [`${id}//`],
    async () => {
      const request = { workspaceId, userId: ada.id, kind: CredentialKind.SECRET_KEY, name: 'k' };
      const made = await credentials.createCredential({ ...request, actor: KEY_HOLDER }, CALL);
      id = made.credential?.id ?? '';
    },
  );
  const one = { workspaceId, id, actor: KEY_HOLDER };
  await announces([], () => credentials.updateCredential({ ...one, name: 'other' }, CALL));
  await announces([`${id}//`], () =>
    credentials.updateCredential({ ...one, rateLimit: { requestsPerMinute: 6 } }, CALL),
  );
  await announces([`${id}//`, `/${ada.id}/`], () =>
    workspaces.removeMember({ workspaceId, userId: ada.id, revokeKeys: true, actor }, CALL),
  );
  await announces([`${id}//`], () => credentials.deleteCredential(one, CALL));
  const mine = await people.addUser('owning');
  await announces([`/${mine.id}/`], async () => undefined);
  await announces(
    () => [`//${workspaceId}`],
    async () => {
      workspaceId = await people.addWorkspace([[mine.id, 'owner']]);
    },
  );
  const deletion = { workspaceId, name: 'Tested', actor: sessionOf(mine.id, 'owner') };
  await announces([`//${workspaceId}`], () => workspaces.deleteWorkspace(deletion, CALL));
  await stop();
});
