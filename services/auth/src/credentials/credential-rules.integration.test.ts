import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { createFixedClock, eventually } from '@millrace/testkit';
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
import { OWN_PERMISSIONS, ROLE_PERMISSIONS, roleName } from '../store/role.ts';

const kind = CredentialKind.ANALYTICS_KEY;
let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

async function start(clock = createFixedClock(Date.now())) {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT, clock);
  return { auth, credentials: methodsOf(auth).credentials, clock, stop };
}

type Methods = Awaited<ReturnType<typeof start>>['credentials'];

interface Wish {
  readonly workspaceId?: string;
  readonly userId?: string;
  readonly kind?: CredentialKind;
  readonly name?: string;
  readonly permissions?: string[];
  readonly expiresAt?: { seconds: bigint; nanos: number };
  readonly rateLimit?: { requestsPerMinute: number; burst: number };
  readonly actor?: typeof KEY_HOLDER & { userId?: string };
}

const create = (credentials: Methods, wish: Wish = {}) =>
  credentials.createCredential({ workspaceId: WORKSPACE, kind, name: 'k', actor: KEY_HOLDER, ...wish }, CALL);

test('nobody gives one of our permissions that they lack, by any of the ways there are', async () => {
  const { credentials, stop } = await start();
  const workspaceId = await people.addWorkspace([]);
  for (const role of roleName.options) {
    const held: readonly string[] = ROLE_PERMISSIONS[role];
    const actor = { ...KEY_HOLDER, permissions: [...held] };
    for (const permission of [...OWN_PERMISSIONS, 'their:own', 'events:*']) {
      const mayGive = held.includes('*') || held.includes(permission) || !OWN_PERMISSIONS.has(permission);
      const target = await create(credentials, { workspaceId, permissions: [] });
      const powerful = await create(credentials, { workspaceId, permissions: [permission] });
      const asleep = await create(credentials, { workspaceId, permissions: [permission] });
      const idOf = (made: typeof target) => ({ workspaceId, id: made.credential?.id ?? '' });
      await credentials.updateCredential({ ...idOf(asleep), active: false, actor: KEY_HOLDER }, CALL);
      const attempts = {
        create: () => create(credentials, { workspaceId, permissions: [permission], actor }),
        update: () =>
          credentials.updateCredential(
            { ...idOf(target), permissions: { values: [permission] }, actor },
            CALL,
          ),
        rotate: () => credentials.rotateCredential({ ...idOf(powerful), actor }, CALL),
        reactivate: () => credentials.updateCredential({ ...idOf(asleep), active: true, actor }, CALL),
      };
      for (const [way, attempt] of Object.entries(attempts)) {
        if (mayGive) await attempt();
        else {
          await assert.rejects(attempt, (error: Error & { code?: string }) => {
            assert.equal(error.code, 'permission_denied', `${role} ${way} ${permission}`);
            assert.ok(error.message.includes(permission), error.message);
            return true;
          });
        }
      }
      const { credential } = await credentials.getCredential(idOf(powerful), CALL);
      assert.equal(credential?.active, !mayGive, 'a refused rotation ends nothing');
    }
  }
  const refused = (await people.entries(workspaceId)).filter(({ outcome }) => outcome === 'refused');
  assert.deepEqual([...new Set(refused.map(({ action }) => action))].sort(), [
    'credential.created',
    'credential.rotated',
    'credential.updated',
  ]);
  await stop();
});

test('somebody who was removed leaves no key behind, whatever the verdict that let them in', async () => {
  const { credentials, stop } = await start();
  const gone = randomUUID();
  const workspaceId = await people.addWorkspace([[randomUUID(), 'owner']]);
  const actor = sessionOf(gone, 'owner');
  const { credential } = await create(credentials, { workspaceId });
  const id = credential?.id ?? '';
  const denied = { code: 'permission_denied' };
  for (const permissions of [['*'], ['events:write'], []]) {
    await assert.rejects(create(credentials, { workspaceId, permissions, actor }), denied);
  }
  const values = ['their:own'];
  const update = { workspaceId, id, permissions: { values }, actor };
  await assert.rejects(credentials.updateCredential(update, CALL), denied);
  await assert.rejects(credentials.rotateCredential({ workspaceId, id, actor }, CALL), denied);
  const keyOfGone = { ...actor, credentialId: id, permissions: ['api-keys:manage'] };
  await create(credentials, { workspaceId, actor: keyOfGone });
  await stop();
});

test('every change needs somebody who asks', async () => {
  const { credentials, stop } = await start();
  const id = (await create(credentials)).credential?.id ?? '';
  const one = { workspaceId: WORKSPACE, id };
  const refused = { code: 'invalid_argument', message: 'actor: is required' };
  const anonymous = { workspaceId: WORKSPACE, kind, name: 'k' };
  await assert.rejects(credentials.createCredential(anonymous, CALL), refused);
  await assert.rejects(credentials.updateCredential({ ...one, active: false }, CALL), refused);
  await assert.rejects(credentials.rotateCredential(one, CALL), refused);
  await assert.rejects(credentials.deleteCredential(one, CALL), refused);
  await stop();
});

test('invalid_argument names the field', async () => {
  const { credentials, clock, stop } = await start();
  const wrongs = [
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(129) }],
    ['kind', { kind: CredentialKind.SESSION }],
    ['kind', { kind: CredentialKind.ENVIRONMENT }],
    ['permissions', { permissions: ['no blanks'] }],
    ['permissions', { permissions: Array.from({ length: 65 }, (_, at) => `p${at}`) }],
    ['expires_at', { expiresAt: timestampFromMs(clock.now()) }],
    ['expires_at', { expiresAt: { seconds: 253_402_300_800n, nanos: 0 } }],
    ['expires_at', { expiresAt: { seconds: 2n ** 62n, nanos: 0 } }],
    ['expires_at', { expiresAt: { seconds: -1n, nanos: 0 } }],
    ['rate_limit', { rateLimit: { requestsPerMinute: 5, burst: 6 } }],
    ['user_id', { kind: CredentialKind.EXTERNAL_EVENT_TOKEN, userId: 'a stranger' }],
  ] as const;
  for (const [field, wrong] of wrongs) {
    const { permissions, ...rest } = { permissions: [], ...wrong };
    await assert.rejects(create(credentials, { ...rest, permissions: [...permissions] }), {
      code: 'invalid_argument',
      message: new RegExp(`^${field}: `),
    });
  }
  const id = (await create(credentials)).credential?.id ?? '';
  const overlapSeconds = 30 * 24 * 60 * 60 + 1;
  await assert.rejects(
    credentials.rotateCredential({ workspaceId: WORKSPACE, id, overlapSeconds, actor: KEY_HOLDER }, CALL),
    { code: 'invalid_argument', message: /^overlap_seconds: / },
  );
  await stop();
});

test('what was done to a credential is in the audit log, and its secret and hash are not', async () => {
  const { credentials, stop } = await start();
  const workspaceId = await people.addWorkspace([]);
  const actor = { ...KEY_HOLDER, requestId: 'the request' };
  const made = await create(credentials, { workspaceId, permissions: ['events:write'], actor });
  const id = made.credential?.id ?? '';
  const one = { workspaceId, id, actor };
  await credentials.updateCredential({ ...one, name: 'other', active: false }, CALL);
  await credentials.updateCredential({ ...one, active: true }, CALL);
  await credentials.updateCredential({ ...one, rateLimit: { requestsPerMinute: 6 } }, CALL);
  const taken = await credentials.updateCredential({ ...one, rateLimit: { requestsPerMinute: 0 } }, CALL);
  assert.equal(taken.credential?.rateLimit, undefined);
  const next = await credentials.rotateCredential(one, CALL);
  await credentials.deleteCredential(one, CALL);
  const entries = await people.entries(workspaceId);
  assert.deepEqual(
    entries.map(({ action, targetId, requestId }) => [action, targetId, requestId]),
    [
      'credential.created',
      'credential.updated',
      'credential.deactivated',
      'credential.reactivated',
      'credential.updated',
      'credential.updated',
      'credential.rotated',
      'credential.deleted',
    ].map((action) => [action, id, 'the request']),
  );
  const details = entries.map(({ detailsJson }) => detailsJson);
  assert.deepEqual(JSON.parse(details[1] ?? '').changes, { name: 'other' });
  assert.equal(JSON.parse(details[6] ?? '').successorId, next.credential?.id);
  const proofs = [...people.store.credentials.entries()].flatMap(([key, { value }]) => [key, value.proof]);
  for (const text of [made.secret, next.secret, made.secret.slice(8, -4), ...proofs]) {
    assert.equal(details.join().includes(text), false);
  }
  await stop();
});

test('a workspace has at most 1000 active credentials, and those of a person are listed', async () => {
  const { credentials, stop } = await start();
  const workspaceId = await people.addWorkspace([]);
  const one = { kind: 'secret_key' as const, proof: 'p', workspaceId, userId: '', name: 'one of many' };
  const rest = { permissions: [], prefix: '', lastFour: '', createdAtMs: 0, lastUsedAtMs: null };
  const common = { ...one, ...rest, rateLimit: null, environmentName: null };
  await Promise.all(
    Array.from({ length: 1_002 }, (_, at) => {
      const state = { active: at > 0, expiresAtMs: at === 1 ? 1 : null };
      return people.store.credentials.create(randomUUID(), { ...common, ...state, id: randomUUID() });
    }),
  );
  await eventually(async () => assert.equal(await listAll(credentials, workspaceId), 1_002));
  const other = await people.addWorkspace([]);
  await create(credentials, { workspaceId: other });
  await assert.rejects(create(credentials, { workspaceId }), {
    code: 'failed_precondition',
    message: /at most 1000 active credentials/,
  });
  const sleeping = [...people.store.credentials.entries()].find(
    ([, { value }]) => value.workspaceId === workspaceId && !value.active,
  );
  const id = sleeping?.[1].value.id ?? '';
  await assert.rejects(
    credentials.updateCredential({ workspaceId, id, active: true, actor: KEY_HOLDER }, CALL),
    { code: 'failed_precondition' },
  );
  await create(credentials, { workspaceId: other, userId: 'ada', name: "ada's" });
  const { credentials: listed } = await credentials.listCredentials(
    { workspaceId: other, userId: 'ada' },
    CALL,
  );
  assert.deepEqual(
    listed.map(({ name }) => name),
    ["ada's"],
  );
  await stop();
});

/** The records were written beside the service, whose index shows them a moment later. */
async function listAll(credentials: Methods, workspaceId: string): Promise<number> {
  let count = 0;
  let pageToken = '';
  do {
    const page = await credentials.listCredentials({ workspaceId, pageSize: 200, pageToken }, CALL);
    count += page.credentials.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return count;
}
