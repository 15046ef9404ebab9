import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import { connect } from 'nats';
import { armedFailpoint, armFailpoint, type FailpointName } from '../service/failpoint.ts';
import type { RestartingRedis } from '../stack/restarting-redis.ts';
import {
  everySetup,
  type Fault,
  type FaultContext,
  type Setup,
  split,
  splitWithRedis,
  standalone,
  standaloneWithRedis,
} from './fault.ts';

const points: readonly FailpointName[] = [
  'before-publish',
  'after-publish',
  'before-answer',
  'before-insert',
  'after-insert',
  'after-position',
];
const pointDeadlineMs = 20_000;

const restarted = new Set([
  'standalone',
  'auth',
  'ingest-accept',
  'ingest-writer',
  'analytics',
  'webhook',
  'edge',
]);

/** kill -9 of one process at a random moment. */
export const killProcesses: readonly Fault[] = [
  killOf('standalone', [standalone, standaloneWithRedis]),
  killOf('edge', [split, splitWithRedis]),
  killOf('auth', [split, splitWithRedis]),
  killOf('ingest-accept', [split, splitWithRedis]),
  killOf('ingest-writer', [split, splitWithRedis]),
  killOf('analytics', [split, splitWithRedis]),
  killOf('webhook', [split]),
  killOf('nats-server', everySetup),
  killOf('clickhouse', everySetup),
];

/** kill -9 of Redis, which comes back empty. */
export const killRedis: Fault = {
  name: 'kill-redis',
  setups: [standaloneWithRedis, splitWithRedis],
  inject: async ({ redis }) => void process.kill(running(redis).pid, 'SIGKILL'),
};

/** Redis loses everything it knows and stays up. */
export const redisFlush: Fault = {
  name: 'redis-flushall',
  setups: [standaloneWithRedis, splitWithRedis],
  async inject({ redis }) {
    await running(redis).flushAll();
  },
};

/** kill -9 of everything, the supervisor first, and a start on the same data. */
export const killTree: Fault = {
  name: 'kill-tree',
  setups: everySetup,
  async inject({ stack }) {
    await stack.killTree();
    await stack.restart();
  },
};

/** kill -9 of the process that reaches a named point of an event's life, each point in turn. */
export const killAtPoints: Fault = {
  name: 'kill-at-points',
  setups: everySetup,
  async inject(context) {
    for (const point of points) await dieAt(context, point);
  },
};

/** The writer dies right after it parked what it can not store. */
export const killAfterParking: Fault = {
  name: 'kill-after-parking',
  setups: [standalone, splitWithRedis],
  deadLettersPerRound: 1,
  async inject(context) {
    armFailpoint(context.stack.controlDir, 'after-parking');
    await publishGarbage(context);
    await untilReached(context);
  },
};

/** Each service in turn is asked to stop, and comes back: what it has taken it must answer. */
export const rollingRestart: Fault = {
  name: 'rolling-restart',
  setups: [standalone, split, splitWithRedis],
  forbidsResets: true,
  async inject({ stack }) {
    const names = stack.connection().processes.flatMap(({ name }) => (restarted.has(name) ? [name] : []));
    for (const name of names) {
      const before = pidOf(stack, name);
      await eventually(() => stack.signal(name, 'SIGTERM'), { timeoutMs: 20_000 });
      await eventually(
        () => {
          if (pidOf(stack, name) === before) throw new Error(`${name} was not restarted`);
        },
        { timeoutMs: 60_000 },
      );
    }
  },
};

/** Kills a process of the stack by its name, waiting for it to run first. */
export async function kill({ stack }: FaultContext, name: string): Promise<void> {
  await eventually(() => stack.signal(name, 'SIGKILL'), { timeoutMs: 20_000 });
}

/** Makes the next process that reaches a point die there, and waits until one has. */
export async function dieAt(context: FaultContext, point: FailpointName): Promise<void> {
  armFailpoint(context.stack.controlDir, point);
  await untilReached(context);
  await sleep(Math.random() * 1_000);
}

async function untilReached({ stack }: FaultContext): Promise<void> {
  await eventually(
    () => {
      const armed = armedFailpoint(stack.controlDir);
      if (armed !== undefined) throw new Error(`no process reached ${armed}`);
    },
    { timeoutMs: pointDeadlineMs },
  );
}

async function publishGarbage({ stack }: FaultContext): Promise<void> {
  const { url, username, password } = stack.connection().nats;
  const connection = await connect({ servers: url, user: username, pass: password });
  try {
    await connection.jetstream().publish('events.1.0', Buffer.from([0x0a, 0xff, 0x01]));
  } finally {
    await connection.close();
  }
}

function killOf(name: string, setups: readonly Setup[]): Fault {
  return { name: `kill-${name}`, setups, inject: (context) => kill(context, name) };
}

function running(redis: FaultContext['redis']): RestartingRedis {
  if (redis === undefined) throw new Error('this fault needs a Redis');
  return redis;
}

function pidOf(stack: FaultContext['stack'], name: string): number | undefined {
  return stack.connection().processes.find((process) => process.name === name)?.pid;
}
