import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createLogger, MillraceError } from '@millrace/runtime';
import { type CredentialLookup, type Grant, hasPermission, type Verdict } from './credentials.ts';
import { createCredentialCache } from './credentials-cache.ts';

const UNAVAILABLE = new MillraceError('unavailable', 'auth is away');
const REFUSED: Verdict = { kind: 'refused', refusal: Refusal.UNKNOWN };

function grantFor(secret: string, more: Partial<Grant> = {}): Grant {
  return {
    kind: 'granted',
    credentialId: `id of ${secret}`,
    workspaceId: 'w',
    userId: '',
    permissions: new Set(['events:write']),
    credentialKind: CredentialKind.ANALYTICS_KEY,
    expiresAtMs: undefined,
    rateLimit: undefined,
    ...more,
  };
}

/** A cache over an auth that answers as told, on a clock that is set by hand. */
function cacheOver(
  first: CredentialLookup,
  options: { maxEntries?: number; concurrent?: number; waiting?: number } = {},
) {
  const state = { nowMs: 1_000_000, asked: 0, answer: first };
  const cache = createCredentialCache({
    lookUp(secret) {
      state.asked++;
      return state.answer(secret);
    },
    clock: { now: () => state.nowMs, monotonic: () => state.nowMs },
    log: createLogger({ service: 'test', level: 'silent' }),
    lookups: { add: () => undefined, series: () => ({ add: () => undefined }) },
    maxEntries: options.maxEntries ?? 100,
    limits: { concurrent: options.concurrent ?? 4, waiting: options.waiting ?? 4 },
  });
  return { cache, state };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const good = async (secret: string): Promise<Verdict> => grantFor(secret);

test('a known credential is answered without a promise and without asking', async () => {
  const { cache, state } = cacheOver(good);
  const first = await cache.verify('k');
  const second = cache.verify('k');
  assert.equal(second instanceof Promise, false);
  assert.equal(second, first);
  assert.equal(state.asked, 1);
});

test('an auth in the same process is asked without a promise', () => {
  const { cache } = cacheOver(grantFor);
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
  await assert.rejects(async () => cache.verify('never seen'), { code: 'unavailable' });
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
  cache.changed('id of a');
  assert.deepEqual(await cache.verify('a'), REFUSED);
  assert.equal((await cache.verify('b')).kind, 'granted');
});

test('an answer that was on its way when a change was announced is neither kept nor shared', async () => {
  const { cache, state } = cacheOver(good);
  const late = Promise.withResolvers<Verdict>();
  state.answer = () => late.promise;
  const before = cache.verify('k');
  cache.changed('id of k');
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
  cache.changed('id of k');
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

test('a flood of unknown credentials does not grow the cache or push out a good one', async () => {
  const { cache, state } = cacheOver(async (secret) => (secret === 'good' ? grantFor(secret) : REFUSED));
  await cache.verify('good');
  for (let i = 0; i < 10_000; i++) await cache.verify(`bad ${i}`);
  assert.ok(cache.size <= 200, `${cache.size} entries`);
  const asked = state.asked;
  await cache.verify('good');
  for (let i = 0; i < 1_000; i++) await cache.verify('bad 9999');
  assert.equal(state.asked, asked);
});

test('only so many look-ups are under way, only so many wait, and a known credential does not wait', async () => {
  let underWay = 0;
  let most = 0;
  const answers: (() => void)[] = [];
  const { cache, state } = cacheOver(grantFor, { concurrent: 2, waiting: 3 });
  cache.verify('known');
  state.nowMs += 30_000;
  state.answer = (secret) => {
    most = Math.max(most, ++underWay);
    return new Promise((resolve) =>
      answers.push(() => {
        underWay--;
        resolve(grantFor(secret));
      }),
    );
  };
  const asked = ['1', '2', '3', '4', '5'].map((secret) => cache.verify(secret));
  assert.throws(() => cache.verify('6'), { code: 'resource_exhausted' });
  assert.equal(most, 2);
  const known = cache.verify('known');
  assert.equal(most, 3);
  while (answers.length > 0) {
    answers.shift()?.();
    await settled();
  }
  assert.ok((await Promise.all(asked)).every(({ kind }) => kind === 'granted'));
  assert.equal((await known).kind, 'granted');
  assert.equal(most, 3);
});

test('an empty or overlong credential is refused without asking', async () => {
  const { cache, state } = cacheOver(good);
  assert.deepEqual(await cache.verify(''), REFUSED);
  assert.deepEqual(await cache.verify('x'.repeat(513)), REFUSED);
  assert.equal(state.asked, 0);
});

test('* is every permission and a refusal is none', () => {
  assert.equal(hasPermission(grantFor('k'), 'events:write'), true);
  assert.equal(hasPermission(grantFor('k'), 'analytics:read'), false);
  assert.equal(hasPermission(grantFor('k', { permissions: new Set(['*']) }), 'analytics:read'), true);
  assert.equal(hasPermission(REFUSED, 'events:write'), false);
});
