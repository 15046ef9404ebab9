import type { Logger } from '@millrace/runtime';
import type { Redis } from 'ioredis';

/** What was answered for a dedup key when its event became durable. */
export interface KnownEvent {
  /** 8 bytes as latin1. */
  readonly bodyHash: string;
  readonly eventId: string;
}

/** Knows durable events by their dedup keys. May forget: the writer is what keeps duplicates out. */
export interface KnownEvents {
  /** One entry for each key, in order; synchronous when memory knows enough. */
  lookUp(
    keys: readonly string[],
  ): readonly (KnownEvent | undefined)[] | Promise<readonly (KnownEvent | undefined)[]>;
  /** Called only after the event is on disk: marking before would lose a client's retry. */
  mark(entries: readonly (readonly [key: string, event: KnownEvent])[]): void | Promise<void>;
}

const HASH_HEX_CHARS = 16;

/**
 * Known events in Redis under `millrace:seen:<key>`, each for `ttlSeconds`, shared by all replicas. Knows nothing while
 * Redis is away, and never throws: the writer drops what slips through.
 */
export function redisKnownEvents(options: { redis: Redis; ttlSeconds: number; log: Logger }): KnownEvents {
  const { redis, ttlSeconds, log } = options;
  return {
    async lookUp(keys) {
      if (redis.status !== 'ready') return keys.map(() => undefined);
      try {
        const values = await redis.mget(keys.map(redisKey));
        return values.map((value) => (value === null ? undefined : read(value)));
      } catch (error) {
        log.warn({ err: error }, 'event ids could not be looked up in Redis');
        return keys.map(() => undefined);
      }
    },
    async mark(entries) {
      if (redis.status !== 'ready') return;
      const pipeline = redis.pipeline();
      for (const [key, event] of entries) pipeline.set(redisKey(key), write(event), 'EX', ttlSeconds);
      try {
        await pipeline.exec();
      } catch (error) {
        log.warn({ err: error }, 'event ids could not be kept in Redis');
      }
    },
  };
}

function redisKey(key: string): string {
  return `millrace:seen:${Buffer.from(key, 'latin1').toString('base64url')}`;
}

function write(event: KnownEvent): string {
  return `${Buffer.from(event.bodyHash, 'latin1').toString('hex')}${event.eventId}`;
}

function read(value: string): KnownEvent {
  return {
    bodyHash: Buffer.from(value.slice(0, HASH_HEX_CHARS), 'hex').toString('latin1'),
    eventId: value.slice(HASH_HEX_CHARS),
  };
}
