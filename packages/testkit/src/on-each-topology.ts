import { after, before, describe } from 'node:test';
import { startTestStack, type TestStack, type TestStackOptions } from './test-stack.ts';

const START_TIMEOUT_MS = 60_000;

// The one process keeps in memory what the several share through Redis, so each way is tried once.
const TOPOLOGIES = [
  { topology: 'standalone', redis: false },
  { topology: 'split', redis: true },
] as const;

type Suite = (stack: () => TestStack) => void;
type SuiteOptions = Pick<TestStackOptions, 'env' | 'mail'>;

/**
 * Declares a suite once for each topology, on a stack of its own that is started before it and stopped after it.
 * The stack is there while tests and hooks run, not while they are declared.
 */
export function onEachTopology(name: string, suite: Suite, options: SuiteOptions = {}): void {
  for (const { topology, redis } of TOPOLOGIES) declareOn({ topology, redis, ...options }, name, suite);
}

/**
 * Declares a suite for what can't differ between the topologies: how the edge reads a request and words an answer,
 * which is the same code in the same process. It runs in one process, as people do who start with `scripts/up`; what
 * crosses gRPC (errors, deadlines, tenancy, batches, duplicates) belongs on each.
 */
export function onStandalone(name: string, suite: Suite, options: SuiteOptions = {}): void {
  declareOn({ topology: 'standalone', redis: false, ...options }, name, suite);
}

function declareOn(options: TestStackOptions, name: string, suite: Suite): void {
  describe(`${name} (${options.topology})`, () => {
    let running: TestStack | undefined;
    before(
      async () => {
        running = await startTestStack(options);
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
