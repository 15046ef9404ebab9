import type { Clock } from '@millrace/runtime';
import { LRUCache } from 'lru-cache';
import { intervalMicros, type Quota, type QuotaStanding, quotaStanding } from './redis-quotas.ts';

const MAX_KEYS = 100_000;

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
