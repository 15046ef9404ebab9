import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { duplicateStorm } from './matrix/duplicate-storm.ts';
import type { Fault, Setup } from './matrix/fault.ts';
import { split, splitWithRedis, standalone, standaloneWithRedis } from './matrix/fault.ts';
import { killAtPoints, killProcesses, killTree, redisFlush } from './matrix/kills.ts';
import { lateInsert } from './matrix/late-insert.ts';
import { mutantHunts } from './matrix/mutants.ts';
import { natsClusterInTurn } from './matrix/nats-cluster.ts';
import { runFault } from './matrix/run-fault.ts';

// A few of the matrix that `scripts/faults` runs whole: together they touch every process and every crash window.
const shortRound: readonly (readonly [Fault, Setup])[] = [
  [killAtPoints, standalone],
  [killTree, standalone],
  [killTree, splitWithRedis],
  [named('kill-nats-server'), splitWithRedis],
  [named('kill-clickhouse'), standalone],
  [named('kill-ingest-accept'), splitWithRedis],
  [named('kill-ingest-writer'), splitWithRedis],
  [lateInsert, standalone],
  [redisFlush, standaloneWithRedis],
  [duplicateStorm(1_000, 40), splitWithRedis],
  [natsClusterInTurn, split],
];

describe('every accepted event is stored exactly once', { concurrency: 1 }, () => {
  for (const [fault, setup] of shortRound) {
    test(`${fault.name}, ${describeSetup(setup)}`, { timeout: 120_000 }, async (t) => {
      const outcome = await runFault({ fault, setup, rounds: 1, log: (line) => t.diagnostic(line) });
      assert.deepEqual(outcome.problems, []);
      assert.ok(outcome.accepted > 0);
    });
  }
});

describe('a planted bug is caught', { concurrency: 1 }, () => {
  for (const { mutant, fault, setups } of mutantHunts) {
    // Three nodes take their time; without them the same bug is caught by another fault.
    if (fault.natsCluster) continue;
    const [setup] = setups;
    test(`${mutant}, ${describeSetup(setup)}`, { timeout: 120_000 }, async (t) => {
      const log = (line: string) => t.diagnostic(line);
      const { lost, doubled } = await runFault({ fault, setup, rounds: 1, mutant, log });
      assert.ok(lost + doubled > 0, 'nothing was lost or doubled');
    });
  }
});

function named(name: string): Fault {
  const fault = killProcesses.find((one) => one.name === name);
  if (fault === undefined) throw new Error(`there is no fault ${name}`);
  return fault;
}

function describeSetup({ topology, redis }: Setup): string {
  return redis ? `${topology} with Redis` : topology;
}
