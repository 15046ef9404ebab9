import { eventually } from '@millrace/testkit';
import type { Fault } from './fault.ts';
import { split, splitWithRedis, standalone } from './setups.ts';

const services = new Set(['standalone', 'auth', 'ingest-accept', 'ingest-writer', 'analytics', 'edge']);

/** Each service in turn is asked to stop, and comes back: what it has taken it must answer. */
export const rollingRestart: Fault = {
  name: 'rolling-restart',
  setups: [standalone, split, splitWithRedis],
  forbidsResets: true,
  async inject({ stack }) {
    const names = stack.connection().processes.flatMap(({ name }) => (services.has(name) ? [name] : []));
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

function pidOf(stack: Parameters<Fault['inject']>[0]['stack'], name: string): number | undefined {
  return stack.connection().processes.find((process) => process.name === name)?.pid;
}
