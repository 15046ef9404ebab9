import type { Logger } from '@millrace/runtime';
import type { Redis } from 'ioredis';

/** What was answered for a key. */
export interface KnownEvent {
  /** 8 bytes as latin1. */
  readonly bodyHash: string;
  readonly eventId: string;
}

/** Keys of durable events, shared by all replicas. Answers `undefined` for everything while Redis is away. */
export interface KnownEvents {
  lookUp(keys: readonly string[]): Promise<(KnownEvent | undefined)[]>;
  mark(entries: readonly (readonly [key: string, event: KnownEvent])[]): Promise<void>;
}

const HASH_HEX_CHARS = 16;

/** Remembers in Redis under `millrace:seen:<key>`, each for `ttlSeconds`. Never throws: the writer drops what slips through. */
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
