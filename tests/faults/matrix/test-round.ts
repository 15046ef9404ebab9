import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault, Setup } from './fault.ts';
import { killProcesses } from './kills.ts';
import type { MutantHunt } from './mutants.ts';
import { runFault } from './run-fault.ts';

/** Half a minute at most on two idle cores. */
const TIMEOUT_MS = 300_000;

/** Declares a test that injects a fault once and finds every accepted event stored exactly once. */
export function testFault(fault: Fault, setup: Setup): void {
  test(`${fault.name}, ${describeSetup(setup)}`, { timeout: TIMEOUT_MS }, async (t) => {
    const outcome = await runFault({ fault, setup, rounds: 1, log: (line) => t.diagnostic(line) });
    assert.deepEqual(outcome.problems, []);
    assert.ok(outcome.accepted > 0);
  });
}

/** Declares a test that finds something lost or doubled by a planted bug, on the first of its setups. */
export function testHunt({ mutant, fault, setups: [setup] }: MutantHunt): void {
  test(`${mutant}, ${describeSetup(setup)}`, { timeout: TIMEOUT_MS }, async (t) => {
    const log = (line: string) => t.diagnostic(line);
    const { lost, doubled } = await runFault({ fault, setup, rounds: 1, mutant, log });
    assert.ok(lost + doubled > 0, 'nothing was lost or doubled');
  });
}

/** kill -9 of one process of the stack. */
export function killOf(process: string): Fault {
  const fault = killProcesses.find(({ name }) => name === `kill-${process}`);
  if (fault === undefined) throw new Error(`there is no fault kill-${process}`);
  return fault;
}

function describeSetup({ topology, redis }: Setup): string {
  return redis ? `${topology} with Redis` : topology;
}
