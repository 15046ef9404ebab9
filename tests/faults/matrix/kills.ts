import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import { connect } from 'nats';
import { armedFailpoint, armFailpoint, type FailpointName } from '../service/failpoint.ts';
import type { Fault, FaultContext, Setup } from './fault.ts';
import { everySetup, split, splitWithRedis, standalone, standaloneWithRedis } from './setups.ts';

const points: readonly FailpointName[] = [
  'before-publish',
  'after-publish',
  'before-answer',
  'before-insert',
  'after-insert',
  'after-position',
];
const pointDeadlineMs = 20_000;

/** kill -9 of one process at a random moment. */
export const killProcesses: readonly Fault[] = [
  killOf('standalone', [standalone, standaloneWithRedis]),
  killOf('edge', [split, splitWithRedis]),
  killOf('auth', [split, splitWithRedis]),
  killOf('ingest-accept', [split, splitWithRedis]),
  killOf('ingest-writer', [split, splitWithRedis]),
  killOf('analytics', [split, splitWithRedis]),
  killOf('nats-server', everySetup),
  killOf('clickhouse', everySetup),
];

/** kill -9 of Redis, which comes back empty. */
export const killRedis: Fault = {
  name: 'kill-redis',
  setups: [standaloneWithRedis, splitWithRedis],
  inject: async ({ redis }) => void process.kill(pidOf(redis), 'SIGKILL'),
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

function pidOf(redis: FaultContext['redis']): number {
  if (redis === undefined) throw new Error('this fault needs a Redis');
  return redis.pid;
}
