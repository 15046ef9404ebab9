import type { Clock, CounterSeries, Logger } from '@millrace/runtime';
import { LRUCache } from 'lru-cache';
import {
  intervalMicros,
  type Quota,
  type QuotaStanding,
  quotaStanding,
  type TakeFromQuota,
} from './redis-quotas.ts';

/** Takes one request of a key's quota. Never fails; answers without a promise where no store is asked. */
export type RateLimiter = (key: string, quota: Quota) => QuotaStanding | Promise<QuotaStanding>;

/** How long Redis isn't asked after it failed: a frozen one would hold up each request for its whole deadline. */
const PAUSE_MS = 1_000;

const MAX_KEYS = 100_000;

/**
 * Limits by the shared quotas, and by those of this process while the shared ones fail or where there are none.
 * While they fail, one request a second tries them again and the others don't wait.
 */
export function createRateLimiter(options: {
  /** Undefined where there is no Redis. */
  shared: TakeFromQuota | undefined;
  clock: Clock;
  log: Logger;
  /** Requests that were limited here although there is a Redis. */
  fallbacks: CounterSeries;
}): RateLimiter {
  const { shared, clock, log, fallbacks } = options;
  const local = createLocalQuotas({ clock });
  if (shared === undefined) return local;
  let failing = false;
  let retryAtMs = 0;

  const takeHere = (key: string, quota: Quota): QuotaStanding => {
    fallbacks.add();
    return local(key, quota);
  };
  const failed = (error: unknown): void => {
    if (!failing) log.warn({ err: error }, 'rate limits are kept in each process until Redis answers');
    failing = true;
    retryAtMs = clock.monotonic() + PAUSE_MS;
  };
  const takeShared = async (key: string, quota: Quota): Promise<QuotaStanding> => {
    try {
      const standing = await shared(key, quota);
      if (failing) log.info('rate limits are shared by Redis again');
      failing = false;
      return standing;
    } catch (error) {
      failed(error);
      return takeHere(key, quota);
    }
  };

  return (key, quota) => {
    if (!failing) return takeShared(key, quota);
    const nowMs = clock.monotonic();
    if (nowMs < retryAtMs) return takeHere(key, quota);
    // Set before the try: who comes while it is under way is limited here.
    retryAtMs = nowMs + PAUSE_MS;
    return takeShared(key, quota);
  };
}

/**
 * Keeps quotas in this process's memory, by the same algorithm as Redis does.
 * The least recently used are forgotten beyond `maxKeys`, which gives their callers a full quota again.
 */
export function createLocalQuotas(options: {
  clock: Clock;
  maxKeys?: number;
}): (key: string, quota: Quota) => QuotaStanding {
  const { clock } = options;
  const dueMicrosByKey = new LRUCache<string, number>({ max: options.maxKeys ?? MAX_KEYS });
  return (key, quota) => {
    const nowMicros = clock.monotonic() * 1_000;
    const interval = intervalMicros(quota);
    const mostMicros = interval * quota.burst;
    const dueMicros = dueMicrosByKey.get(key) ?? nowMicros;
    const debtMicros = Math.min(Math.max(dueMicros - nowMicros, 0), mostMicros);
    if (debtMicros + interval > mostMicros) return quotaStanding(quota, false, debtMicros);
    dueMicrosByKey.set(key, nowMicros + debtMicros + interval);
    return quotaStanding(quota, true, debtMicros + interval);
  };
}
