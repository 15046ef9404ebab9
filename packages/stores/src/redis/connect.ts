import type { Logger } from '@millrace/runtime';
import { Redis } from 'ioredis';

export type { Redis } from 'ioredis';

/** Longest that a command may take, in milliseconds: Redis only ever saves work, so nobody waits for it. */
const COMMAND_TIMEOUT_MS = 250;
const MAX_BACKOFF_MS = 2_000;

/**
 * Opens a connection that reconnects for ever. While it is down every command fails at once instead of queueing.
 * Does not wait for the server.
 */
export function connectRedis(options: { url: string; log: Logger }): Redis {
  const redis = new Redis(options.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_BACKOFF_MS),
  });
  let reported = false;
  redis.on('error', (error: Error) => {
    if (!reported) options.log.warn({ err: error }, 'Redis is away; going on without it');
    reported = true;
  });
  redis.on('ready', () => {
    if (reported) options.log.info('Redis is back');
    reported = false;
  });
  return redis;
}
