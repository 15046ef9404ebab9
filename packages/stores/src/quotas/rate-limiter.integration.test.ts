import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, systemClock } from '@millrace/runtime';
import { freeze, type RedisServer, startRedis } from '@millrace/testkit';
import { connectRedis, type Redis } from '../redis/connect.ts';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';
import { createRedisQuotas } from './redis-quotas.ts';

const HOUR_MS = 3_600_000;
const log = createLogger({ service: 'test', level: 'silent' });
const opened: Redis[] = [];
let server: RedisServer;

before(async () => {
  server = await startRedis();
});
after(async () => {
  for (const redis of opened) redis.disconnect();
  await server.stop();
});

test('replicas share a limit; a frozen Redis holds up few and limits nobody less; after that they share again', async () => {
  const quota = { requests: 10, periodMs: HOUR_MS, burst: 10 };
  const replicas = await Promise.all([replica(), replica()]);
  const allowedOf = async (key: string, requests: number): Promise<number[]> =>
    Promise.all(
      replicas.map(async ({ limiter }) => {
        const standings = await Promise.all(Array.from({ length: requests }, () => limiter(key, quota)));
        return standings.filter(({ allowed }) => allowed).length;
      }),
    );
  assert.equal(total(await allowedOf('before', 20)), 10);

  await freeze(server.pid);
  try {
    assert.deepEqual(await allowedOf('during', 20), [10, 10], 'each process has the limit for itself');
    assert.ok(replicas.every(({ limiter }) => !(limiter('during', quota) instanceof Promise)));
    assert.deepEqual(
      replicas.map(({ fallbacks }) => fallbacks),
      [21, 21],
    );
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }

  await sleep(1_100);
  for (const { limiter } of replicas) await limiter('probe', quota);
  assert.equal(total(await allowedOf('after', 20)), 10);
});

test('a Redis that is gone leaves the limit to the process', async () => {
  const quota = { requests: 3, periodMs: HOUR_MS, burst: 3 };
  const { limiter } = await replica();
  await server.stop();
  const allowed: boolean[] = [];
  for (let i = 0; i < 6; i++) allowed.push((await limiter('gone', quota)).allowed);
  assert.deepEqual(allowed, [true, true, true, false, false, false]);
});

async function replica(): Promise<{ limiter: RateLimiter; readonly fallbacks: number }> {
  const redis = connectRedis({ url: server.url, log });
  opened.push(redis);
  await new Promise<void>((resolve) => redis.once('ready', resolve));
  let fallbacks = 0;
  const limiter = createRateLimiter({
    shared: createRedisQuotas(redis),
    clock: systemClock,
    log,
    fallbacks: { add: () => void fallbacks++ },
  });
  return {
    limiter,
    get fallbacks() {
      return fallbacks;
    },
  };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
