import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { eventually } from '@millrace/testkit';
import {
  API_KEY,
  type Bench,
  CALL,
  ENVIRONMENT,
  EXTERNAL_TOKEN,
  granted,
  judged,
  KEY_HOLDER,
  methodsOf,
  startAuth,
  startBench,
  WORKSPACE,
} from '../test/auth.ts';
import { openPeople, type People, sessionOf } from '../test/people.ts';

const REVOKED = { kind: 'refused', refusal: Refusal.REVOKED };
let bench: Bench;
let people: People;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
});

after(() => bench.close());

async function start() {
  const { auth, stop } = await startAuth(bench, ENVIRONMENT);
  return { auth, ...methodsOf(auth), stop };
}

test("an external-event token reaches as far as its user's role, and ends with the membership", async () => {
  const here = await start();
  const there = await start();
  const [owner, ada] = [randomUUID(), randomUUID()];
  const workspaceId = await people.addWorkspace([
    [owner, 'owner'],
    [ada, 'member'],
  ]);
  const issue = async (kind: CredentialKind, permissions: string[]) => {
    const request = { workspaceId, userId: ada, kind, name: 'k', permissions, actor: KEY_HOLDER };
    return (await here.credentials.createCredential(request, CALL)).secret;
  };
  const token = await issue(CredentialKind.EXTERNAL_EVENT_TOKEN, ['events:write', 'audit:read', 'own:one']);
  const key = await issue(CredentialKind.ANALYTICS_KEY, ['events:write', 'audit:read']);
  const allows = (auth: typeof here.auth, secret: string) => [...granted(auth, secret).permissions].sort();
  const actor = sessionOf(owner, 'owner');
  const become = (role: Role) =>
    here.workspaces.updateMember({ workspaceId, userId: ada, role, actor }, CALL);
  for (const [role, expected] of [
    [Role.MEMBER, ['events:write', 'own:one']],
    [Role.OWNER, ['audit:read', 'events:write', 'own:one']],
    [Role.VIEWER, ['own:one']],
  ] as const) {
    await become(role);
    assert.deepEqual(allows(here.auth, token), expected);
    await eventually(async () => assert.deepEqual(allows(there.auth, token), expected));
    assert.deepEqual(allows(here.auth, key), ['audit:read', 'events:write']);
  }
  await here.workspaces.removeMember({ workspaceId, userId: ada, actor }, CALL);
  assert.deepEqual(judged(here.auth, token), REVOKED);
  await eventually(async () => assert.deepEqual(judged(there.auth, token), REVOKED));
  assert.deepEqual(allows(here.auth, key), ['audit:read', 'events:write'], 'a key outlives the membership');
  await there.stop();
  const again = await start();
  assert.deepEqual(judged(again.auth, token), REVOKED);
  await again.stop();
  await here.stop();
});

test('revoke_keys ends what was issued to the removed person in that workspace, and nothing else', async () => {
  const { auth, workspaces, credentials, stop } = await start();
  const [owner, ada] = [randomUUID(), randomUUID()];
  const roles = [
    [owner, 'owner'],
    [ada, 'admin'],
  ] as const;
  const [workspaceId, elsewhere] = [await people.addWorkspace(roles), await people.addWorkspace(roles)];
  const issue = async (userId: string, inWorkspace = workspaceId) => {
    const one = { workspaceId: inWorkspace, userId, kind: CredentialKind.SECRET_KEY, name: 'k' };
    return (await credentials.createCredential({ ...one, actor: KEY_HOLDER }, CALL)).secret;
  };
  const hers = await Promise.all(Array.from({ length: 30 }, () => issue(ada)));
  const others = [await issue(owner), await issue(''), await issue(ada, elsewhere)];
  await eventually(async () => assert.ok(others.every((secret) => judged(auth, secret).kind === 'granted')));
  const actor = sessionOf(owner, 'owner');
  const removal = { workspaceId, userId: ada, revokeKeys: true, actor };
  assert.equal((await workspaces.removeMember(removal, CALL)).revokedKeys, 30);
  for (const secret of hers) assert.deepEqual(judged(auth, secret), REVOKED);
  for (const secret of others) assert.equal(judged(auth, secret).kind, 'granted');
  const entries = await people.entries(workspaceId);
  assert.equal(entries.filter(({ action }) => action === 'credential.deactivated').length, 30);
  assert.deepEqual(JSON.parse(entries.at(-1)?.detailsJson ?? ''), { role: 'admin', revokedKeys: 30 });
  await assert.rejects(workspaces.removeMember(removal, CALL), { code: 'not_found' });
  const forgotten = await issue(ada);
  const repeated = await workspaces.removeMember(removal, CALL);
  assert.equal(repeated.revokedKeys, 1, 'a removal that broke off can be repeated');
  assert.deepEqual(judged(auth, forgotten), REVOKED);
  await stop();
});

test('a credential of a workspace that is not there is refused', async () => {
  const { auth, credentials, stop } = await start();
  const workspaceId = await people.addWorkspace([]);
  const kind = CredentialKind.SECRET_KEY;
  const request = { workspaceId, kind, name: 'k', actor: KEY_HOLDER };
  const { secret } = await credentials.createCredential(request, CALL);
  await eventually(async () => assert.equal(judged(auth, secret).kind, 'granted'));
  const stored = await people.store.workspaces.read(workspaceId);
  await people.store.workspaces.remove(workspaceId, stored?.revision ?? 0);
  await eventually(async () => assert.equal(judged(auth, secret).kind, 'refused'));
  await stop();
});

test('100,000 mutants of good credentials: none is accepted and none breaks anything', async () => {
  const { auth, credentials, stop } = await start();
  const originals = [API_KEY, EXTERNAL_TOKEN, ENVIRONMENT.EMAIL_API_KEY, ENVIRONMENT.COMPOZY_API_TOKEN];
  for (const kind of [
    CredentialKind.ANALYTICS_KEY,
    CredentialKind.SECRET_KEY,
    CredentialKind.EXTERNAL_EVENT_TOKEN,
  ]) {
    const request = { workspaceId: WORKSPACE, kind, name: 'k', permissions: ['*'], actor: KEY_HOLDER };
    originals.push((await credentials.createCredential(request, CALL)).secret);
  }
  for (const secret of originals) assert.equal(judged(auth, secret).kind, 'granted');
  const tried = new Set<string>();
  for (let round = 0; tried.size < 100_000; round++) {
    const mutant = mutantOf(originals, round);
    if (originals.includes(mutant) || tried.has(mutant)) continue;
    tried.add(mutant);
    assert.equal((await auth.verify(mutant)).kind, 'refused', `accepted ${JSON.stringify(mutant)}`);
  }
  for (const secret of originals) assert.equal(judged(auth, secret).kind, 'granted');
  await stop();
});

const LOOK_ALIKES: Readonly<Record<string, string>> = {
  a: 'а',
  e: 'е',
  o: 'ο',
  k: 'к',
  s: 'ѕ',
  p: 'р',
  v: 'ν',
  _: '＿',
};
const PREFIXES = ['evp_', 'sk_', 'Bearer ', 'EVP_', 'sk-', '', 'evp_evp_', '\u0000'];
const PADDING = [' ', '\t', '\n', '\r\n', '\u00a0', '\u200b', '\u0000', '\ufeff', '=', '%20', '"'];

/** One change of one credential; which one, where and how follow from the round, so that a failure can be repeated. */
function mutantOf(originals: readonly string[], round: number): string {
  const random = scrambled(round);
  const secret = originals[round % originals.length] ?? '';
  const at = random() % secret.length;
  const splice = (middle: string, removed = 1) => secret.slice(0, at) + middle + secret.slice(at + removed);
  const pick = (from: readonly string[]) => from[random() % from.length] ?? '';
  const code = secret.charCodeAt(at);
  const ways = [
    () => splice(String.fromCharCode(code ^ (1 << (random() % 8)))),
    () => splice(String.fromCharCode(code ^ (1 << (random() % 16)))),
    () => splice(String.fromCharCode(33 + (random() % 94))),
    () => splice(secret.slice(at, at + 1).toUpperCase() + secret.slice(at + 1, at + 9).toLowerCase(), 9),
    () => [...secret].map((c) => (random() % 2 ? c.toUpperCase() : c.toLowerCase())).join(''),
    () => secret.slice(0, at),
    () => secret.slice(at + 1),
    () => splice(''),
    () => splice(secret.slice(at, at + 1 + (random() % 8)), 0),
    () => pick(PREFIXES) + secret.replace(/^(evp|sk)_/, ''),
    () => splice(LOOK_ALIKES[secret[at] ?? ''] ?? pick(Object.values(LOOK_ALIKES))),
    () => splice(pick(PADDING), 0),
    () => pick(PADDING) + secret + pick(PADDING),
    () => splice(String.fromCharCode(0xd800 + (random() % 0x800)), 0),
    () => splice(`${secret[at]}\u0301`),
    () => secret.repeat(1 + (random() % 40)).slice(at),
    () =>
      [...secret]
        .reverse()
        .join('')
        .slice(at % 3),
    () => pick(originals).slice(0, at) + secret.slice(at),
  ];
  const way = ways[Math.floor(round / originals.length) % ways.length] ?? assert.fail();
  return way();
}

/** Numbers below 2³² that look random (xorshift), from a seed. */
function scrambled(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
