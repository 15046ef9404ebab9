import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectNats, type NatsConnection } from '@millrace/stores';
import { createFixedClock, eventually, type FixedClock } from '@millrace/testkit';
import { type Bench, log, startBench } from '../../test/auth.ts';
import { createSecretHasher } from '../secrets/secret-hash.ts';
import { type AuthStore, openAuthStore } from '../store/auth-store.ts';
import { openSigningKeys } from './signing-keys.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const ROTATION_DAYS = 30;
const PEPPER = 'a pepper of thirty-two characters';

let bench: Bench;
let connection: NatsConnection;

before(async () => {
  bench = await startBench();
  connection = await connectNats({ url: bench.server.url, name: 'test', log });
  bench.closeLater(() => connection.close());
});
after(() => bench.close());

/** Keys over an emptied store. */
async function begin(): Promise<{ clock: FixedClock; store: AuthStore }> {
  const clock = createFixedClock(Date.UTC(2026, 0, 1));
  const store = await openStore(clock);
  for (const [kid, { revision }] of store.signingKeys.entries())
    await store.signingKeys.remove(kid, revision);
  return { clock, store };
}

async function openStore(clock: FixedClock): Promise<AuthStore> {
  const store = await openAuthStore({ connection, replicas: 1, clock, log });
  bench.closeLater(() => store.close());
  return store;
}

async function openKeys({ store, clock }: { store: AuthStore; clock: FixedClock }, pepper = PEPPER) {
  const hasher = createSecretHasher(pepper);
  const settings = { records: store.signingKeys, hasher, rotationDays: ROTATION_DAYS, clock, log };
  const keys = await openSigningKeys(settings);
  bench.closeLater(() => keys.close());
  return keys;
}

const published = (keys: { jwksJson(): string }): readonly Record<string, unknown>[] =>
  (JSON.parse(keys.jwksJson()) as { keys: Record<string, unknown>[] }).keys;

test('the first key signs at once; what is stored and published has no private part', async () => {
  const world = await begin();
  const keys = await openKeys(world);
  const { record, privateKey } = keys.inForce();
  assert.equal(record.signsFromMs, world.clock.now());
  const { d, x } = privateKey.export({ format: 'jwk' });
  assert.ok(d);
  const stored = JSON.stringify([...world.store.signingKeys.entries()]);
  assert.ok(stored.includes(x ?? 'nothing'));
  for (const spelling of [
    d,
    Buffer.from(d, 'base64url').toString('base64'),
    Buffer.from(d).toString('hex'),
  ]) {
    assert.ok(!stored.includes(spelling));
  }
  assert.deepEqual(published(keys), [
    { kty: 'OKP', crv: 'Ed25519', x, kid: record.kid, alg: 'EdDSA', use: 'sig' },
  ]);
});

test('a key is kept over restarts, and all replicas have the same', async () => {
  const world = await begin();
  const first = await openKeys(world);
  const again = await openKeys({ ...world, store: await openStore(world.clock) });
  assert.equal(again.inForce().record.kid, first.inForce().record.kid);
  assert.equal(published(again).length, 1);
});

test('a successor is published an hour before it signs, and the old key goes when its sessions are dead', async () => {
  const world = await begin();
  const { clock } = world;
  const keys = await openKeys(world);
  const old = keys.inForce().record.kid;
  clock.advance(ROTATION_DAYS * DAY_MS - 1);
  await keys.rotate();
  assert.equal(published(keys).length, 1);
  clock.advance(1);
  await keys.rotate();
  assert.equal(published(keys).length, 2);
  assert.equal(keys.inForce().record.kid, old);
  clock.advance(HOUR_MS - 1);
  await keys.rotate();
  assert.equal(keys.inForce().record.kid, old);
  clock.advance(1);
  const next = keys.inForce().record.kid;
  assert.notEqual(next, old);
  clock.advance(HOUR_MS);
  await keys.rotate();
  assert.ok(keys.publicKey(old), 'a session that was given just before may be alive');
  clock.advance(HOUR_MS);
  await keys.rotate();
  assert.equal(keys.publicKey(old), undefined);
  assert.deepEqual(
    published(keys).map(({ kid }) => kid),
    [next],
  );
});

test('replicas that make a key at the same moment choose the same one', async () => {
  const world = await begin();
  const [one, two] = await Promise.all([
    openKeys(world),
    openKeys({ ...world, store: await openStore(world.clock) }),
  ]);
  await eventually(() => assert.equal(published(one).length, published(two).length));
  assert.equal(one.inForce().record.kid, two.inForce().record.kid);
  world.clock.advance(ROTATION_DAYS * DAY_MS);
  await Promise.all([one.rotate(), two.rotate()]);
  world.clock.advance(HOUR_MS);
  await eventually(() => assert.equal(one.inForce().record.kid, two.inForce().record.kid));
  for (let hours = 0; hours < 3; hours++) {
    world.clock.advance(HOUR_MS);
    await Promise.all([one.rotate(), two.rotate()]);
  }
  await eventually(() => assert.equal(published(one).length, 1));
});

test('another pepper ignores the keys that are there, and makes its own', async () => {
  const world = await begin();
  const first = await openKeys(world);
  const second = await openKeys({ ...world, store: await openStore(world.clock) }, 'another pepper, as long');
  const { kid } = first.inForce().record;
  assert.equal(second.publicKey(kid), undefined);
  assert.notEqual(second.inForce().record.kid, kid);
  await second.rotate();
  assert.ok(world.store.signingKeys.get(kid), 'a replica that still has the old pepper needs its key');
});

test('a key that somebody else put into the store is not ours', async () => {
  const world = await begin();
  const keys = await openKeys(world);
  const { record } = keys.inForce();
  const foreign = { ...record, kid: 'foreign', publicJwk: { ...record.publicJwk, x: 'A'.repeat(43) } };
  await world.store.signingKeys.create('foreign', foreign);
  assert.equal(keys.publicKey('foreign'), undefined);
  const swapped = { ...record, publicJwk: foreign.publicJwk };
  const stored = world.store.signingKeys.get(record.kid);
  await world.store.signingKeys.update(record.kid, swapped, stored?.revision ?? 0);
  const reopened = await openKeys({ ...world, store: await openStore(world.clock) });
  assert.equal(reopened.publicKey(record.kid), undefined);
});
