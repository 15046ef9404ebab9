import type { Fault } from './fault.ts';
import { splitWithRedis, standaloneWithRedis } from './setups.ts';

/** Redis loses everything it knows and stays up. */
export const redisFlush: Fault = {
  name: 'redis-flushall',
  setups: [standaloneWithRedis, splitWithRedis],
  async inject({ redis }) {
    if (redis === undefined) throw new Error('this fault needs a Redis');
    await redis.flushAll();
  },
};
