import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { cacheOver, good, grantFor, REFUSED, settled, UNAVAILABLE } from '../../test/credentials-cache.ts';
import { hasPermission, type Verdict } from './credentials.ts';
import type { CredentialChange } from './credentials-changes.ts';

test('a known credential is answered without a promise and without asking', async () => {
  const { cache, state } = cacheOver(good);
  const first = await cache.verify('k');
  const second = cache.verify('k');
  assert.equal(second instanceof Promise, false);
  assert.equal(second, first);
  assert.equal(state.asked, 1);
});

test('an auth in the same process is asked without a promise', () => {
  const { cache } = cacheOver((secret) => grantFor(secret));
  assert.equal(cache.verify('k') instanceof Promise, false);
});

test('requests with the same unknown credential share one look-up', async () => {
  const { cache, state } = cacheOver(good);
  await Promise.all(Array.from({ length: 50 }, () => cache.verify('k')));
  assert.equal(state.asked, 1);
});

test('a hot credential is renewed before it is 30 s old and no request waits for that', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('k');
  for (let second = 0; second < 120; second++) {
    state.nowMs += 1_000;
    assert.equal(cache.verify('k') instanceof Promise, false, `at ${second} s`);
    await settled();
  }
  assert.equal(state.asked, 1 + 6);
});

test('a verdict that is 30 s old is asked for again before it is used', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('k');
  state.nowMs += 30_000;
  state.answer = async () => REFUSED;
  assert.deepEqual(await cache.verify('k'), REFUSED);
});

test('with auth away a known credential works for 60 s, then the answer is unavailable', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('k');
  state.answer = async () => Promise.reject(UNAVAILABLE);
  for (let second = 1; second < 60; second++) {
    state.nowMs += 1_000;
    assert.equal((await cache.verify('k')).kind, 'granted', `at ${second} s`);
    await settled();
  }
  state.nowMs += 1_000;
  await assert.rejects(async () => cache.verify('k'), { code: 'unavailable' });
  await assert.rejects(async () => cache.verify('never-seen'), { code: 'unavailable' });
  state.answer = good;
  assert.equal((await cache.verify('k')).kind, 'granted');
});

test('with auth away no request for a known credential waits for it twice', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('k');
  state.nowMs += 40_000;
  state.answer = async () => Promise.reject(UNAVAILABLE);
  assert.equal((await cache.verify('k')).kind, 'granted');
  assert.equal(cache.verify('k') instanceof Promise, false);
});

test('an old failure does not let a verdict live longer than 30 s', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('k');
  state.nowMs += 25_000;
  state.answer = async () => Promise.reject(UNAVAILABLE);
  cache.verify('k');
  await settled();
  state.answer = async () => REFUSED;
  state.nowMs += 20_000;
  assert.deepEqual(await cache.verify('k'), REFUSED);
});

test('an announced change drops that credential and no other', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('a');
  await cache.verify('b');
  state.answer = async () => REFUSED;
  cache.changed({ credentialId: 'id of a' });
  assert.deepEqual(await cache.verify('a'), REFUSED);
  assert.equal((await cache.verify('b')).kind, 'granted');
});

test('a change of a user or a workspace drops all their verdicts, sessions too, and no other', async () => {
  const grants = new Map([
    ['session', grantFor('session', { userId: 'ada', credentialKind: CredentialKind.SESSION })],
    ['elsewhere', grantFor('elsewhere', { userId: 'ada', workspaceId: 'v' })],
    ['token', grantFor('token', { userId: 'ada', credentialKind: CredentialKind.EXTERNAL_EVENT_TOKEN })],
    ['grace', grantFor('grace', { userId: 'grace' })],
    ['key', grantFor('key', { workspaceId: 'v' })],
  ]);
  const { cache, state } = cacheOver(async (secret) => grants.get(secret) ?? REFUSED);
  const askedAgainAfter = async (change: CredentialChange) => {
    for (const secret of grants.keys()) await cache.verify(secret);
    cache.changed(change);
    const again: string[] = [];
    for (const secret of grants.keys()) {
      const asked = state.asked;
      await cache.verify(secret);
      if (state.asked > asked) again.push(secret);
    }
    return again;
  };
  assert.deepEqual(await askedAgainAfter({ userId: 'ada' }), ['session', 'elsewhere', 'token']);
  assert.deepEqual(await askedAgainAfter({ workspaceId: 'v' }), ['elsewhere', 'key']);
  assert.deepEqual(await askedAgainAfter({ credentialId: 'id of session' }), ['session']);
  assert.deepEqual(await askedAgainAfter({ userId: 'grace', workspaceId: 'v' }), [
    'elsewhere',
    'grace',
    'key',
  ]);
  assert.deepEqual(await askedAgainAfter({ userId: '' }), []);
});

test('an answer that was on its way when a change was announced is neither kept nor shared', async () => {
  const { cache, state } = cacheOver(good);
  const late = Promise.withResolvers<Verdict>();
  state.answer = () => late.promise;
  const before = cache.verify('k');
  cache.changed({ credentialId: 'id of k' });
  state.answer = async () => REFUSED;
  const after = cache.verify('k');
  late.resolve(grantFor('k'));
  await before;
  assert.deepEqual(await after, REFUSED);
  assert.deepEqual(await cache.verify('k'), REFUSED);
});

test('a refused credential works at once when a change is announced', async () => {
  const { cache, state } = cacheOver(async () => REFUSED);
  await cache.verify('k');
  state.answer = good;
  assert.deepEqual(await cache.verify('k'), REFUSED);
  cache.changed({ credentialId: 'id of k' });
  assert.equal((await cache.verify('k')).kind, 'granted');
});

test('after missed announcements everything is asked for again, but stays good while auth is away', async () => {
  const { cache, state } = cacheOver(good);
  await cache.verify('a');
  await cache.verify('b');
  cache.missed();
  state.answer = async () => Promise.reject(UNAVAILABLE);
  assert.equal((await cache.verify('a')).kind, 'granted');
  state.answer = async () => REFUSED;
  assert.deepEqual(await cache.verify('b'), REFUSED);
});

test('a credential stops working at its expiry, however fresh the verdict', async () => {
  const { cache, state } = cacheOver(async (secret) => grantFor(secret, { expiresAtMs: 1_005_000 }));
  await cache.verify('k');
  state.nowMs += 4_999;
  assert.equal((await cache.verify('k')).kind, 'granted');
  state.nowMs += 1;
  assert.deepEqual(await cache.verify('k'), { kind: 'refused', refusal: Refusal.EXPIRED });
});

test('* is every permission and a refusal is none', () => {
  assert.equal(hasPermission(grantFor('k'), 'events:write'), true);
  assert.equal(hasPermission(grantFor('k'), 'analytics:read'), false);
  assert.equal(hasPermission(grantFor('k', { permissions: new Set(['*']) }), 'analytics:read'), true);
  assert.equal(hasPermission(REFUSED, 'events:write'), false);
});
