import type { Logger } from '@millrace/runtime';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';

/** Keeps bytes for a short time. Never throws: what can't be read or kept is made again. */
export interface ByteCache {
  get(key: string): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array): Promise<void>;
}

/** Keeps values in Redis under `millrace:<name>:<key>`, shared by all replicas. */
export function createRedisByteCache(options: {
  redis: Redis;
  name: string;
  ttlMs: number;
  log: Logger;
}): ByteCache {
  const { redis, name, ttlMs, log } = options;
  const redisKey = (key: string) => `millrace:${name}:${key}`;
  let reported = false;
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    // Its absence is told by the connection.
    if (redis.status !== 'ready') return undefined;
    try {
      const result = await work();
      reported = false;
      return result;
    } catch (error) {
      if (!reported) log.warn({ err: error, cache: name }, 'a cache in Redis fails, going on without it');
      reported = true;
      return undefined;
    }
  };
  return {
    get: async (key) => (await attempt(() => redis.getBuffer(redisKey(key)))) ?? undefined,
    async set(key, value) {
      await attempt(() => redis.set(redisKey(key), Buffer.from(value), 'PX', ttlMs));
    },
  };
}

/** Keeps values in this process, at most `maxBytes` of them. */
export function createLocalByteCache(options: { ttlMs: number; maxBytes: number }): ByteCache {
  const values = new LRUCache<string, Uint8Array>({
    maxSize: options.maxBytes,
    sizeCalculation: (value, key) => value.byteLength + 2 * key.length + 1,
    ttl: options.ttlMs,
  });
  return {
    get: async (key) => values.get(key),
    async set(key, value) {
      values.set(key, value);
    },
  };
}
