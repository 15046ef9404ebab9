import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import type { Fault, FaultContext, Setup } from './fault.ts';
import { split, splitWithRedis, standalone, standaloneWithRedis } from './fault.ts';
import { writerAtWork } from './writer-at-work.ts';

/** From this many rounds on, the last one includes the long pause. */
const roundsForLongPause = 3;

/** SIGSTOP of one process for 1 s and 5 s, and 30 s where there are rounds enough. */
export const pauses: readonly Fault[] = [
  pauseOf('nats-server', [standalone, splitWithRedis]),
  pauseOf('clickhouse', [standalone, splitWithRedis]),
  pauseOf('ingest-writer', [split, splitWithRedis]),
  pauseOf('webhook', [split]),
  {
    name: 'pause-writer-with-standby',
    setups: [split, splitWithRedis],
    extraWriters: 1,
    async inject(context) {
      for (const seconds of pausesOf(context)) await pause(context, writerAtWork(context), seconds);
    },
  },
  {
    name: 'pause-redis',
    setups: [standaloneWithRedis, splitWithRedis],
    async inject(context) {
      const { redis } = context;
      if (redis === undefined) throw new Error('this fault needs a Redis');
      for (const seconds of pausesOf(context)) {
        process.kill(redis.pid, 'SIGSTOP');
        await sleep(seconds * 1_000);
        process.kill(redis.pid, 'SIGCONT');
        await sleep(500);
      }
    },
  },
];

function pauseOf(name: string, setups: readonly Setup[]): Fault {
  return {
    name: `pause-${name}`,
    setups,
    async inject(context) {
      for (const seconds of pausesOf(context)) await pause(context, name, seconds);
    },
  };
}

async function pause({ stack }: FaultContext, name: string, seconds: number): Promise<void> {
  await eventually(() => stack.signal(name, 'SIGSTOP'), { timeoutMs: 20_000 });
  await sleep(seconds * 1_000);
  stack.signal(name, 'SIGCONT');
  await sleep(500);
}

function pausesOf({ round, rounds }: FaultContext): number[] {
  return round === rounds - 1 && rounds >= roundsForLongPause ? [1, 5, 30] : [1, 5];
}
