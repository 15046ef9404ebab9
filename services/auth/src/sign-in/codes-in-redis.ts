import { MillraceError } from '@millrace/runtime';
import type { Redis } from '@millrace/stores';
import { CODE_LIFETIME_MS, type Codes, MOST_REQUESTS, MOST_TRIES, REQUEST_WINDOW_MS } from './codes.ts';

/** By the server's own clock, which all replicas share. Answers how many milliseconds to wait, 0 for kept. */
const PUT_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[3])
local window = tonumber(ARGV[4])
local oldest = redis.call('LINDEX', KEYS[2], most - 1)
if oldest and oldest + window > now then
  return math.min(oldest + window - now, window)
end
redis.call('LPUSH', KEYS[2], string.format('%.0f', now))
redis.call('LTRIM', KEYS[2], 0, most - 1)
redis.call('PEXPIRE', KEYS[2], window)
redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'tries', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 0`;

const TAKE_TRY_SCRIPT = `
local hash = redis.call('HGET', KEYS[1], 'hash')
if not hash then return false end
if redis.call('HINCRBY', KEYS[1], 'tries', 1) <= tonumber(ARGV[1]) then return hash end
redis.call('DEL', KEYS[1])
return false`;

const CONSUME_SCRIPT = `
if redis.call('HGET', KEYS[1], 'hash') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** Keeps codes in Redis, for all replicas. While it is away nobody can sign in: guesses must never go uncounted. */
export function createCodesInRedis(redis: Redis): Codes {
  const run = async (script: string, keys: readonly string[], values: readonly (string | number)[]) => {
    try {
      return await redis.eval(script, keys.length, ...keys, ...values);
    } catch (cause) {
      throw new MillraceError('unavailable', 'sign-in codes can not be kept now', { cause });
    }
  };
  return {
    async put(addressKey, codeHash) {
      const keys = [codeKey(addressKey), requestsKey(addressKey)];
      const limits = [CODE_LIFETIME_MS, MOST_REQUESTS, REQUEST_WINDOW_MS];
      const waitMs = Number(await run(PUT_SCRIPT, keys, [codeHash, ...limits]));
      return waitMs > 0 ? { kind: 'limited', retryAfterMs: waitMs } : { kind: 'kept' };
    },
    async takeTry(addressKey) {
      const codeHash = await run(TAKE_TRY_SCRIPT, [codeKey(addressKey)], [MOST_TRIES]);
      return typeof codeHash === 'string' ? codeHash : undefined;
    },
    consume: async (addressKey, codeHash) =>
      (await run(CONSUME_SCRIPT, [codeKey(addressKey)], [codeHash])) === 1,
  };
}

// The braces keep both keys of an address on one node of a Redis cluster.
function codeKey(addressKey: string): string {
  return `millrace:sign-in:{${addressKey}}:code`;
}

function requestsKey(addressKey: string): string {
  return `millrace:sign-in:{${addressKey}}:requests`;
}
