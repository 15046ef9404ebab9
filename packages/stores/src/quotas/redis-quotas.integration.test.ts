import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@millrace/runtime';
import { type RedisServer, startRedis } from '@millrace/testkit';
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
  assert.deepEqual(await takers[0]?.('shared', quota), { allowed: false, remaining: 0, nextInSeconds: 60 });
});

test('the next request is allowed at the even rate, by the clock of the server', async () => {
  const take = createRedisQuotas(first);
  const quota = { requests: 60, periodMs: MINUTE_MS, burst: 1 };
  assert.equal((await take('even', quota)).allowed, true);
  assert.deepEqual(await take('even', quota), { allowed: false, remaining: 0, nextInSeconds: 1 });
  await sleep(1_010);
  assert.equal((await take('even', quota)).allowed, true);
});

test('a key is a hash of what it was called, and is gone when the quota is unused again', async () => {
  const take = createRedisQuotas(first);
  await first.flushall();
  await take('who ever\r\nwrote * this', { requests: 600, periodMs: MINUTE_MS, burst: 5 });
  const [key = '', ...more] = await first.keys('*');
  assert.match(key, /^millrace:limit:[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(more, []);
  const ttlMs = await first.pttl(key);
  assert.ok(ttlMs > 0 && ttlMs <= 100, `${ttlMs} ms`);
  await sleep(150);
  assert.equal(await first.exists(key), 0);
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
  await take('patient', quota);
  const refused = await Promise.all(Array.from({ length: 20 }, () => take('patient', quota)));
  assert.ok(refused.every(({ allowed }) => !allowed));
  await sleep(1_010);
  assert.equal((await take('patient', quota)).allowed, true);
});

test('a quota that was raised is not held back by the debt of the old one', async () => {
  const take = createRedisQuotas(first);
  await take('raised', { requests: 1, periodMs: MINUTE_MS, burst: 1 });
  const raised = await take('raised', { requests: 60, periodMs: MINUTE_MS, burst: 10 });
  assert.deepEqual(raised, { allowed: false, remaining: 0, nextInSeconds: 1 });
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
