import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createFixedClock } from '@millrace/testkit';
import {
  API_KEY,
  type Bench,
  CALL,
  ENVIRONMENT,
  granted,
  judged,
  KEY_HOLDER,
  methodsOf,
  startAuth,
  startBench,
  WORKSPACE,
} from '../../test/auth.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const kind = CredentialKind.ANALYTICS_KEY;
let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.close());

async function start() {
  const clock = createFixedClock(Date.now());
  const { auth, stop } = await startAuth(bench, ENVIRONMENT, clock);
  const { credentials } = methodsOf(auth);
  const create = (wish: object = {}) =>
    credentials.createCredential(
      { workspaceId: WORKSPACE, kind, name: 'k', actor: KEY_HOLDER, ...wish },
      CALL,
    );
  return { auth, credentials, create, clock, stop };
}

test('a rotated credential works on for the overlap and not a millisecond longer', async () => {
  const { auth, credentials, create, clock, stop } = await start();
  const old = await create({
    name: 'mine',
    userId: 'ada',
    permissions: ['events:write', 'their:own'],
    rateLimit: { requestsPerMinute: 60, burst: 7 },
    expiresAt: timestampFromMs(clock.now() + 10 * DAY_MS),
  });
  clock.advance(DAY_MS);
  const actor = { ...KEY_HOLDER, permissions: ['events:write', 'api-keys:manage'] };
  const id = old.credential?.id ?? '';
  const rotation = { workspaceId: WORKSPACE, id, overlapSeconds: 60, actor };
  const next = await credentials.rotateCredential(rotation, CALL);
  const { credential } = next;
  for (const part of ['kind', 'name', 'userId', 'permissions', 'rateLimit'] as const) {
    assert.deepEqual(credential?.[part], old.credential?.[part], part);
  }
  assert.ok(credential?.expiresAt);
  assert.equal(timestampMs(credential.expiresAt), clock.now() + 10 * DAY_MS, 'as long a life as the old one');
  assert.notEqual(next.secret, old.secret);
  clock.advance(59_999);
  assert.equal(granted(auth, old.secret).credentialId, id);
  clock.advance(1);
  assert.deepEqual(judged(auth, old.secret), { kind: 'refused', refusal: Refusal.EXPIRED });
  assert.equal(granted(auth, next.secret).credentialId, credential.id);
  const again = { code: 'failed_precondition' };
  await assert.rejects(credentials.rotateCredential(rotation, CALL), again, 'it does not come back');
  await stop();
});

test('without an overlap the old credential ends at once, and an overlap prolongs no life', async () => {
  const { auth, credentials, create, clock, stop } = await start();
  const old = await create();
  const rotation = { workspaceId: WORKSPACE, id: old.credential?.id ?? '', actor: KEY_HOLDER };
  const next = await credentials.rotateCredential(rotation, CALL);
  assert.deepEqual(judged(auth, old.secret), { kind: 'refused', refusal: Refusal.REVOKED });
  assert.equal(next.credential?.expiresAt, undefined);
  const short = await create({ expiresAt: timestampFromMs(clock.now() + 1_000) });
  const shortRotation = { ...rotation, id: short.credential?.id ?? '', overlapSeconds: 3_600 };
  await credentials.rotateCredential(shortRotation, CALL);
  clock.advance(1_000);
  assert.deepEqual(judged(auth, short.secret), { kind: 'refused', refusal: Refusal.EXPIRED });
  const environment = { ...rotation, id: granted(auth, API_KEY).credentialId };
  await assert.rejects(credentials.rotateCredential(environment, CALL), { code: 'failed_precondition' });
  const foreign = { ...rotation, workspaceId: 'another', id: next.credential?.id ?? '' };
  await assert.rejects(credentials.rotateCredential(foreign, CALL), { code: 'not_found' });
  await stop();
});
