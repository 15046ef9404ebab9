import { after, before, describe } from 'node:test';
import { startTestStack, type TestStack, type TestStackOptions } from './test-stack.ts';

const START_TIMEOUT_MS = 60_000;

// The one process keeps in memory what the several share through Redis, so each way is tried once.
const TOPOLOGIES = [
  { topology: 'standalone', redis: false },
  { topology: 'split', redis: true },
] as const;

/**
 * Declares a suite once for each topology, on a stack of its own that is started before it and stopped after it.
 * The stack is there while tests and hooks run, not while they are declared.
 */
export function onEachTopology(
  name: string,
  suite: (stack: () => TestStack) => void,
  options: Pick<TestStackOptions, 'env' | 'mail'> = {},
): void {
  for (const { topology, redis } of TOPOLOGIES) {
    describe(`${name} (${topology})`, () => {
      let running: TestStack | undefined;
      before(
        async () => {
          running = await startTestStack({ topology, redis, ...options });
        },
        { timeout: START_TIMEOUT_MS },
      );
      after(() => running?.stop());
      suite(() => {
        if (running === undefined) throw new Error('the stack is not running: ask for it inside a test');
        return running;
      });
    });
  }
}
