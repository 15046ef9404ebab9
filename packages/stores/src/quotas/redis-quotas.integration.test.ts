import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@millrace/runtime';
import { eventually, type RedisServer, startRedis } from '@millrace/testkit';
import { connectRedis, type Redis } from '../redis/connect.ts';
import { createRedisQuotas } from './redis-quotas.ts';

const MINUTE_MS = 60_000;
const log = createLogger({ service: 'test', level: 'silent' });
let server: RedisServer;
let first: Redis;
let second: Redis;

before(async () => {
  server = await startRedis();
  [first, second] = await Promise.all([connect(), connect()]);
});
after(async () => {
  for (const redis of [first, second]) redis.disconnect();
  await server.stop();
});

test('two clients share one quota exactly', async () => {
  const takers = [createRedisQuotas(first), createRedisQuotas(second)];
  const quota = { requests: 60, periodMs: 60 * MINUTE_MS, burst: 50 };
  const standings = await Promise.all(
    Array.from({ length: 100 }, (_, i) => takers[i % 2]?.('shared', quota)),
  );
  const allowed = standings.filter((standing) => standing?.allowed);
  assert.equal(allowed.length, 50);
  const remaining = allowed.map((standing) => standing?.remaining ?? -1).sort((a, b) => b - a);
  assert.deepEqual(
    remaining,
    Array.from({ length: 50 }, (_, i) => 49 - i),
  );
  const { nextInSeconds, ...refused } = (await takers[0]?.('shared', quota)) ?? assert.fail();
  assert.deepEqual(refused, { allowed: false, remaining: 0 });
  assert.ok(nextInSeconds >= 1 && nextInSeconds <= 60, `${nextInSeconds} s`);
});

test('the next request is allowed at the even rate, by the clock of the server', async () => {
  const take = createRedisQuotas(first);
  const quota = { requests: 60, periodMs: MINUTE_MS, burst: 1 };
  // Sent together: however slow this process is, the server has no second to pass between them.
  const standings = await Promise.all([take('even', quota), take('even', quota)]);
  assert.deepEqual(standings[1], { allowed: false, remaining: 0, nextInSeconds: 1 });
  assert.equal(standings[0].allowed, true);
  await sleep(1_010);
  assert.equal((await take('even', quota)).allowed, true);
});

test('a key is a hash of what it was called, and is gone when the quota is unused again', async () => {
  const take = createRedisQuotas(first);
  await first.flushall();
  await take('who ever\r\nwrote * this', { requests: 1, periodMs: MINUTE_MS, burst: 5 });
  const [key = '', ...more] = await first.keys('*');
  assert.match(key, /^millrace:limit:[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(more, []);
  const ttlMs = await first.pttl(key);
  assert.ok(ttlMs > 0 && ttlMs <= MINUTE_MS, `${ttlMs} ms`);

  await first.flushall();
  await take('in a moment', { requests: 600, periodMs: MINUTE_MS, burst: 5 });
  await eventually(async () => assert.deepEqual(await first.keys('*'), []));
});

test('after FLUSHALL and SCRIPT FLUSH it goes on, with a full quota', async () => {
  const take = createRedisQuotas(first);
  const quota = { requests: 1, periodMs: MINUTE_MS, burst: 1 };
  assert.equal((await take('flushed', quota)).allowed, true);
  assert.equal((await take('flushed', quota)).allowed, false);
  await second.flushall();
  await second.script('FLUSH');
  assert.equal((await take('flushed', quota)).allowed, true);
});

test('a refusal costs nothing: who keeps asking is let in as early as who waits', async () => {
  const take = createRedisQuotas(first);
  const quota = { requests: 60, periodMs: MINUTE_MS, burst: 1 };
  const standings = await Promise.all(Array.from({ length: 21 }, () => take('patient', quota)));
  assert.equal(standings.filter(({ allowed }) => allowed).length, 1);
  await sleep(1_010);
  assert.equal((await take('patient', quota)).allowed, true);
});

test('a quota that was raised is not held back by the debt of the old one', async () => {
  const take = createRedisQuotas(first);
  const standings = await Promise.all([
    take('raised', { requests: 1, periodMs: MINUTE_MS, burst: 1 }),
    take('raised', { requests: 60, periodMs: MINUTE_MS, burst: 10 }),
  ]);
  assert.deepEqual(standings[1], { allowed: false, remaining: 0, nextInSeconds: 1 });
});

test('without a connection it rejects', async () => {
  const redis = await connect();
  redis.disconnect();
  await assert.rejects(createRedisQuotas(redis)('a', { requests: 1, periodMs: MINUTE_MS, burst: 1 }));
});

async function connect(): Promise<Redis> {
  const redis = connectRedis({ url: server.url, log });
  await new Promise<void>((resolve) => redis.once('ready', resolve));
  return redis;
}
