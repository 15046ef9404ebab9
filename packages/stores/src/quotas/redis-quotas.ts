import { hash } from 'node:crypto';
import { MillraceError } from '@millrace/runtime';
import type { Redis } from 'ioredis';

/** How often something may be done: at an even rate, and so many at once after a pause. */
export interface Quota {
  /** In a period, at least 1. */
  readonly requests: number;
  readonly periodMs: number;
  /** That may come at once, at least 1. */
  readonly burst: number;
}

/** Where a caller stands after asking. */
export interface QuotaStanding {
  readonly allowed: boolean;
  /** Requests that would be allowed at once now. */
  readonly remaining: number;
  /** Until one more than that would be, rounded up, at least 1: after a refusal, when to come back. */
  readonly nextInSeconds: number;
}

const KEY_PREFIX = 'millrace:limit:';
const MICROS_PER_SECOND = 1_000_000;

/**
 * The generic cell rate algorithm: all that is kept is when the requests so far would have been due at the even rate.
 * How far that lies ahead is the debt. Redis's own clock is read, so the callers' clocks don't matter.
 * A debt beyond the burst is of another limit, or of another clock, and is cut.
 */
const TAKE_SCRIPT = `
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debt = tonumber(redis.call('GET', KEYS[1]) or now) - now
debt = math.min(math.max(debt, 0), interval * burst)
if debt + interval > interval * burst then return {0, debt} end
debt = debt + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
return {1, debt}`;

/** Takes one request of a quota that all who share the server share. Rejects while Redis is away. */
export type TakeFromQuota = (key: string, quota: Quota) => Promise<QuotaStanding>;

/** Keeps quotas in Redis under `millrace:limit:<hash of the key>`, each until it is unused again. */
export function createRedisQuotas(redis: Redis): TakeFromQuota {
  return async (key, quota) => {
    const redisKey = KEY_PREFIX + hash('sha256', key, 'base64url');
    const answer = await redis.eval(TAKE_SCRIPT, 1, redisKey, intervalMicros(quota), quota.burst);
    const [allowed, debtMicros] = Array.isArray(answer) ? answer : [];
    if (typeof allowed !== 'number' || typeof debtMicros !== 'number') {
      throw new MillraceError('internal', 'Redis answered a quota with no debt');
    }
    return quotaStanding(quota, allowed === 1, debtMicros);
  };
}

/** The even distance of two requests, in whole microseconds: rounded up, so that a quota is never exceeded. */
export function intervalMicros({ requests, periodMs }: Quota): number {
  return Math.ceil((periodMs * 1_000) / requests);
}

/** What a debt, in microseconds, means to the caller. */
export function quotaStanding(quota: Quota, allowed: boolean, debtMicros: number): QuotaStanding {
  const interval = intervalMicros(quota);
  const remaining = Math.floor((quota.burst * interval - debtMicros) / interval);
  const nextMicros = debtMicros - (quota.burst - remaining - 1) * interval;
  return { allowed, remaining, nextInSeconds: Math.max(1, Math.ceil(nextMicros / MICROS_PER_SECOND)) };
}
