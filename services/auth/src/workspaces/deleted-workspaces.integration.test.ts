import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { systemClock } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import {
  type Bench,
  CALL,
  ENVIRONMENT,
  KEY_HOLDER,
  log,
  methodsOf,
  startAuth,
  startBench,
  WORKSPACE,
} from '../../test/auth.ts';
import { openPeople, type People, sessionOf } from '../../test/people.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { indexCredentialIds } from '../store/credential-ids.ts';
import { tombstoneOf } from '../store/workspace-record.ts';
import { followDeletedWorkspaces } from './deleted-workspaces.ts';

let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

const startReplica = async () => {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
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

/** What a process that dies leaves undone: the first call of one of these, and everything behind it. */
const DEATHS = {
  'before anything else is done': (store: AuthStore) => ({
    ...store,
    credentials: { ...store.credentials, remove: die },
  }),
  'before the job is written': (store: AuthStore) => ({
    ...store,
    workspaceDeletions: { ...store.workspaceDeletions, create: die },
  }),
  'before the tombstone is cleaned': (store: AuthStore) => ({
    ...store,
    workspaces: { ...store.workspaces, update: die },
  }),
};

for (const [when, dying] of Object.entries(DEATHS)) {
  test(`a process that dies ${when}: another one goes on, and repeats nothing afterwards`, async () => {
    const { owner, workspaceId, request } = await owning('dying');
    const { store } = people;
    const key = await startReplica();
    const issued = { workspaceId, kind: CredentialKind.SECRET_KEY, name: 'k', actor: KEY_HOLDER };
    await key.credentials.createCredential(issued, CALL);
    await key.stop();
    const known = (await store.workspaces.read(workspaceId)) ?? assert.fail();
    const { userId, credentialId, ipAddress, requestId } = request.actor;
    const deletion = {
      ...{ id: randomUUID(), atMs: systemClock.now() - 60_000 },
      request: { userId, credentialId, ipAddress, requestId },
    };
    await store.workspaces.update(workspaceId, tombstoneOf(known.value, deletion), known.revision);
    const follow = (of: AuthStore) =>
      followDeletedWorkspaces({
        ...{ store: of, ids: indexCredentialIds(store.credentials), audit: people.audit },
        ...{ defaultWorkspaceId: WORKSPACE, clock: systemClock, log, lookMs: 3_600_000 },
      });
    await eventually(() =>
      assert.equal([...indexCredentialIds(store.credentials).of(workspaceId)].length, 1),
    );
    const dead = follow(dying(store));
    await assert.rejects(dead.handOver(workspaceId), /killed/);
    await dead.close();

    const next = follow(store);
    await next.look();
    const left = (await store.workspaces.read(workspaceId))?.value.deletion;
    assert.deepEqual(left, { ...deletion, request: null });
    const job = (await store.workspaceDeletions.read(deletion.id))?.value;
    assert.deepEqual([job?.workspaceId, job?.requestedBy], [workspaceId, owner.id]);
    assert.deepEqual([...indexCredentialIds(store.credentials).of(workspaceId)], []);
    const told = async () =>
      (await people.entries(WORKSPACE)).filter(({ targetId }) => targetId === workspaceId).length;
    const entries = await told();
    assert.ok(entries >= 1);
    await next.look();
    await next.handOver(workspaceId);
    assert.equal(await told(), entries);
    await next.close();
  });
}

test('a key that was issued at the very moment is refused, and does not stay', async () => {
  const { auth, workspaces, credentials, stop } = await startReplica();
  const { workspaceId, request } = await owning('late');
  const issued = { workspaceId, kind: CredentialKind.SECRET_KEY, name: 'k', actor: KEY_HOLDER };
  const { secret } = await credentials.createCredential(issued, CALL);
  const [recordKey, { value }] =
    [...people.store.credentials.entries()].find(([, one]) => one.value.workspaceId === workspaceId) ??
    (await eventually(() => {
      const found = [...people.store.credentials.entries()].find(
        ([, one]) => one.value.workspaceId === workspaceId,
      );
      return found ?? assert.fail('not there yet');
    }, pause));
  await eventually(() => workspaces.deleteWorkspace(request, CALL), pause);
  const { store } = people;
  const later = { now: () => Date.now() + 3_600_000, monotonic: systemClock.monotonic };
  const follower = followDeletedWorkspaces({
    ...{ store, ids: indexCredentialIds(store.credentials), audit: people.audit },
    ...{ defaultWorkspaceId: WORKSPACE, clock: later, log, lookMs: 3_600_000 },
  });
  await follower.look();
  await eventually(async () => {
    assert.equal((await store.credentials.create(recordKey, value)).kind, 'written');
  }, pause);
  await eventually(async () => {
    assert.deepEqual(await auth.verify(secret), { kind: 'refused', refusal: Refusal.REVOKED });
  }, pause);
  await follower.look();
  assert.equal(await store.credentials.read(recordKey), undefined);
  await follower.close();
  await stop();
});

async function die(): Promise<never> {
  throw new Error('killed');
}
