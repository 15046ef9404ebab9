import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectRedis, type Redis } from '@millrace/stores';
import { createFixedClock, type RedisServer, startRedis } from '@millrace/testkit';
import { log } from '../../test/auth.ts';
import { type Codes, createCodesInMemory, MOST_TRIES, REQUEST_WINDOW_MS } from './codes.ts';
import { createCodesInRedis } from './codes-in-redis.ts';

const GUESSES = 10_000;
/** A command of Redis has a quarter of a second: no more than a busy machine gets through in that time. */
const AT_ONCE = 100;

let server: RedisServer;
let redis: Redis;
let addresses = 0;
const newAddress = () => `address-${++addresses}`;

before(async () => {
  server = await startRedis();
  // A storm of guesses on a busy machine takes longer than a command may in service.
  redis = connectRedis({ url: server.url, commandTimeoutMs: 60_000, log });
  await new Promise((resolve) => redis.once('ready', resolve));
});
after(async () => {
  redis.disconnect();
  await server.stop();
});

const STORES: readonly [name: string, open: () => Codes][] = [
  ['in memory', () => createCodesInMemory({ clock: createFixedClock(0) })],
  ['in Redis', () => createCodesInRedis(redis)],
];

for (const [name, open] of STORES) {
  describe(`codes ${name}`, () => {
    test('of 10,000 guesses, a hundred at once, five are looked at', async () => {
      const codes = open();
      const address = newAddress();
      await codes.put(address, 'hash');
      let lookedAt = 0;
      for (let guessed = 0; guessed < GUESSES; guessed += AT_ONCE) {
        const guesses = Array.from({ length: AT_ONCE }, () => codes.takeTry(address));
        lookedAt += (await Promise.all(guesses)).filter((hash) => hash !== undefined).length;
      }
      assert.equal(lookedAt, MOST_TRIES);
    });

    test('of 10,000 guesses at once five are looked at', async () => {
      const codes = open();
      const address = newAddress();
      await codes.put(address, 'hash');
      const guesses = Array.from({ length: GUESSES }, () => codes.takeTry(address));
      const lookedAt = (await Promise.all(guesses)).filter((hash) => hash !== undefined);
      assert.equal(lookedAt.length, MOST_TRIES);
      assert.equal(await codes.takeTry(address), undefined);
    });

    test('of many who know the code one uses it', async () => {
      const codes = open();
      const address = newAddress();
      await codes.put(address, 'hash');
      const uses = await Promise.all(Array.from({ length: 200 }, () => codes.consume(address, 'hash')));
      assert.equal(uses.filter(Boolean).length, 1);
      assert.equal(await codes.takeTry(address), undefined);
    });

    test('another code than the one that is kept uses nothing up', async () => {
      const codes = open();
      const address = newAddress();
      await codes.put(address, 'hash');
      assert.equal(await codes.consume(address, 'other'), false);
      assert.equal(await codes.consume(newAddress(), 'hash'), false);
      assert.equal(await codes.consume(address, 'hash'), true);
    });

    test('a new code replaces the old one and has its own tries', async () => {
      const codes = open();
      const address = newAddress();
      await codes.put(address, 'old');
      for (let taken = 0; taken < MOST_TRIES; taken++) assert.equal(await codes.takeTry(address), 'old');
      await codes.put(address, 'new');
      assert.equal(await codes.consume(address, 'old'), false);
      for (let taken = 0; taken < MOST_TRIES; taken++) assert.equal(await codes.takeTry(address), 'new');
      assert.equal(await codes.takeTry(address), undefined);
    });

    test('the fourth request in a quarter of an hour is told to wait, and leaves the code as it is', async () => {
      const codes = open();
      const address = newAddress();
      for (const hash of ['a', 'b', 'c']) assert.deepEqual(await codes.put(address, hash), { kind: 'kept' });
      const fourth = await codes.put(address, 'd');
      assert.ok(fourth.kind === 'limited');
      assert.ok(
        fourth.retryAfterMs > 0 && fourth.retryAfterMs <= REQUEST_WINDOW_MS,
        `${fourth.retryAfterMs}`,
      );
      assert.equal(await codes.takeTry(address), 'c');
      assert.deepEqual(await codes.put(newAddress(), 'e'), { kind: 'kept' });
    });

    test('requests at once are counted one by one', async () => {
      const codes = open();
      const address = newAddress();
      const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => codes.put(address, `${n}`)));
      assert.equal(outcomes.filter(({ kind }) => kind === 'kept').length, 3);
    });
  });
}

test('Redis forgets a code after ten minutes and an address after fifteen', async () => {
  const address = newAddress();
  await createCodesInRedis(redis).put(address, 'hash');
  const lifetimes = await Promise.all(
    ['code', 'requests'].map((what) => redis.pttl(`millrace:sign-in:{${address}}:${what}`)),
  );
  const [code = 0, requests = 0] = lifetimes.map((lifetimeMs) => Math.ceil(lifetimeMs / 60_000));
  assert.deepEqual([code, requests], [10, 15]);
});

test('while Redis is away no code is kept, tried or used', async () => {
  const own = await startRedis();
  const lost = connectRedis({ url: own.url, log });
  await new Promise((resolve) => lost.once('ready', resolve));
  const codes = createCodesInRedis(lost);
  await codes.put('address', 'hash');
  await own.stop();
  try {
    await assert.rejects(codes.put('address', 'other'), { code: 'unavailable' });
    await assert.rejects(codes.takeTry('address'), { code: 'unavailable' });
    await assert.rejects(codes.consume('address', 'hash'), { code: 'unavailable' });
  } finally {
    lost.disconnect();
  }
});
