import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { Redis } from 'ioredis';

/** What became of asking which positions hold keys. */
export type HoldOutcome =
  | {
      readonly kind: 'held';
      /** The position that holds each key, in order: the caller's own where nobody had it. */
      readonly holders: readonly string[];
      /** Whether Redis has known every key for as long as the window is. */
      readonly coversWindow: boolean;
    }
  | { readonly kind: 'unavailable' };

/** Known dedup keys and the stream positions that hold them, shared by all writers. May lose them; says so. */
export interface SharedKnownKeys {
  /** Has each key (16 bytes as latin1) held by a position, unless another holds it. Never throws. */
  hold(keys: readonly string[], positions: readonly string[]): Promise<HoldOutcome>;
}

// The names in Redis stay what they were: writers of an older version share them.
/** Says since when, and in which run of the server, keys have been kept. */
const EPOCH_KEY = 'millrace:claims:epoch';
const KEY_PREFIX = 'millrace:claim:';
/** A script blocks the server while it runs: about a millisecond. */
const KEYS_PER_CALL = 500;

/**
 * Many keys in one command: a command a key would cost the client ten times as much.
 * A position that comes again finds that it holds the key, so a batch can be repeated.
 */
const HOLD_SCRIPT = `
local holders = {}
for i, key in ipairs(KEYS) do
  holders[i] = redis.call('SET', key, ARGV[i + 1], 'NX', 'GET', 'EX', ARGV[1]) or ARGV[i + 1]
end
return holders`;

/**
 * Known keys in Redis under `millrace:claim:<key>`. A server that lost its memory, or another one that was promoted,
 * has no epoch of its own run: from then on the window is not covered until it has passed once.
 */
export function redisKnownKeys(options: {
  redis: Redis;
  windowMs: number;
  clock: Clock;
  log: Logger;
}): SharedKnownKeys {
  const { redis, windowMs, clock, log } = options;
  const ttlSeconds = Math.ceil(windowMs / 1_000);
  let failing = false;

  const hold = async (keys: readonly string[], positions: readonly string[]): Promise<string[]> => {
    const parts: Promise<unknown>[] = [];
    for (let from = 0; from < keys.length; from += KEYS_PER_CALL) {
      const some = keys.slice(from, from + KEYS_PER_CALL).map(redisKey);
      const holders = positions.slice(from, from + KEYS_PER_CALL);
      parts.push(redis.eval(HOLD_SCRIPT, some.length, ...some, ttlSeconds, ...holders));
    }
    return (await Promise.all(parts)).flatMap(asHolders);
  };

  return {
    async hold(keys, positions) {
      if (redis.status !== 'ready') return { kind: 'unavailable' };
      try {
        const before = await readEpoch(redis, clock.now());
        const holders = await hold(keys, positions);
        // Memory that was lost while the keys were asked for counts as lost before.
        const after = await readEpoch(redis, clock.now());
        failing = false;
        const coversWindow = before === after && after <= clock.now() - windowMs;
        return { kind: 'held', holders, coversWindow };
      } catch (error) {
        if (!failing)
          log.warn({ err: error }, 'event ids could not be looked up in Redis, asking ClickHouse');
        failing = true;
        return { kind: 'unavailable' };
      }
    },
  };
}

/** Since when this run of the server has kept keys; begins an epoch where there is none. */
async function readEpoch(redis: Redis, nowMs: number): Promise<number> {
  const [info, stored] = await Promise.all([redis.info('server'), redis.get(EPOCH_KEY)]);
  const run = /^run_id:(\w+)/m.exec(info)?.[1];
  if (run === undefined) throw new MillraceError('internal', 'Redis does not tell its run id');
  const [epochRun, sinceMs] = stored?.split(' ') ?? [];
  if (epochRun === run) return Number(sinceMs);
  await redis.set(EPOCH_KEY, `${run} ${nowMs}`);
  return nowMs;
}

function redisKey(key: string): string {
  return KEY_PREFIX + Buffer.from(key, 'latin1').toString('base64url');
}

function asHolders(answer: unknown): string[] {
  if (!Array.isArray(answer)) throw new MillraceError('internal', 'Redis answered with no list of holders');
  return answer.map(String);
}
