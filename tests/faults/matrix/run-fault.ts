import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHooks } from '../client/hooks.ts';
import { openHttpClient } from '../client/http-client.ts';
import { createLedger } from '../client/ledger.ts';
import { type SteadyLoad, startSteadyLoad } from '../client/steady-load.ts';
import type { Mutant } from '../service/module-swaps.ts';
import { clusterPassword, clusterSize, startNatsCluster } from '../stack/nats-cluster.ts';
import { startRestartingRedis } from '../stack/restarting-redis.ts';
import { startStackUnderTest } from '../stack/stack-under-test.ts';
import { inspectDeliveries } from '../verify/inspect-deliveries.ts';
import { type Findings, inspectStore } from '../verify/inspect-store.ts';
import type { Fault, FaultContext, FaultOutcome, Setup } from './fault.ts';

const connections = 64;
// Each node reserves what the streams may grow to.
const clusterEnv = {
  NATS_REPLICAS: String(clusterSize),
  STREAM_MAX_BYTES: String(1024 ** 3),
  NATS_PASSWORD: clusterPassword,
};
const retryGraceMs = 20_000;
const recoveryDeadlineMs = 60_000;
const longestAllowedMs = 10_000;

/** What {@link runFault} needs. */
export interface RunOptions {
  readonly fault: Fault;
  readonly setup: Setup;
  readonly rounds: number;
  readonly mutant?: Mutant;
  /** Told where the data of a failed run is kept. */
  readonly log: (line: string) => void;
}

/** Runs a fault in rounds on a fresh stack, drains, and holds the store against the client's log. */
export async function runFault(options: RunOptions): Promise<FaultOutcome> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-fault-'));
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    const outcome = await runIn(dataDir, cleanUps, options).finally(() => cleanUp(cleanUps));
    if (outcome.problems.length > 0 && options.mutant === undefined)
      options.log(`logs are kept in ${dataDir}`);
    else await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    return outcome;
  } catch (error) {
    throw new Error(`the run broke off, its logs are in ${dataDir}: ${messageOf(error)}`, { cause: error });
  }
}

async function runIn(
  dataDir: string,
  cleanUps: (() => Promise<void>)[],
  { fault, setup, rounds, mutant }: RunOptions,
): Promise<FaultOutcome> {
  const undo = await fault.prepare?.(dataDir);
  if (undo !== undefined) cleanUps.push(undo);
  const redis = setup.redis ? await startRestartingRedis() : undefined;
  if (redis !== undefined) cleanUps.push(() => redis.stop());
  const cluster = fault.natsCluster ? await startNatsCluster(dataDir) : undefined;
  if (cluster !== undefined) cleanUps.push(() => cluster.stop());
  const stack = await startStackUnderTest({
    dataDir,
    split: setup.topology === 'split',
    redisUrl: redis?.url,
    mutant,
    extraWriters: fault.extraWriters ?? 0,
    natsUrl: cluster?.url,
    env: { ...(cluster === undefined ? {} : clusterEnv), ...fault.env },
  });
  cleanUps.push(() => stack.stop());
  const ledger = createLedger();
  const client = openHttpClient({ url: stack.connection().url, connections });
  cleanUps.push(() => client.close());
  const hooks = fault.hasDeliveries ? await startHooks() : undefined;
  if (hooks !== undefined) {
    cleanUps.push(() => hooks.close());
    await hooks.subscribe(stack.connection());
  }
  const prefix = `f${Date.now().toString(36)}`;
  const load =
    fault.load === 'none'
      ? undefined
      : startSteadyLoad({ connection: stack.connection(), client, ledger, prefix, kind: fault.load });

  cleanUps.push(async () => load?.stop(0));

  const recoveries: number[] = [];
  const brokenOff: string[] = [];
  for (let round = 0; round < rounds && brokenOff.length === 0; round++) {
    const context = { stack, redis, cluster, dataDir, client, ledger, round, rounds, prefix };
    try {
      recoveries.push(...(await injectOnce(fault, context, load)));
    } catch (error) {
      // What was lost by then is worth knowing, so the store is still inspected.
      brokenOff.push(`round ${round + 1} broke off: ${messageOf(error)}`);
    }
  }
  if (load !== undefined) await sleep(500);
  await load?.stop(retryGraceMs);
  const findings = await inspectStore({ connection: stack.connection(), client, ledger, prefix });
  const deliveries = hooks && (await inspectDeliveries(stack.connection(), hooks));
  return {
    fault: fault.name,
    ...setup,
    rounds,
    ...ledger.counts,
    rows: findings.comparison.rows,
    lost: findings.comparison.lost.length,
    doubled: findings.comparison.doubled.length,
    longestMs: client.longestMs,
    outageMs: load?.longestOutageMs,
    recoveryMs: recoveries.length === 0 ? undefined : Math.max(...recoveries),
    drainMs: findings.drainMs,
    calls: deliveries?.calls,
    problems: [
      ...brokenOff,
      ...findings.problems,
      ...(deliveries?.problems ?? []),
      ...problemsOf(fault, rounds, findings),
      ...(client.longestMs > longestAllowedMs ? [`a request waited ${Math.round(client.longestMs)} ms`] : []),
      ...(fault.forbidsResets
        ? client.resets
            .slice(0, 1)
            .map((how) => `${client.resets.length} requests were cut off, like: ${how}`)
        : []),
      ...complaintsOf(load),
    ],
  };
}

/** Waits for a random moment under load, does the harm, and measures how long until something is accepted again. */
async function injectOnce(
  fault: Fault,
  context: FaultContext,
  load: SteadyLoad | undefined,
): Promise<number[]> {
  if (load === undefined) {
    await fault.inject(context);
    return [];
  }
  await sleep(800 + Math.random() * 1_500);
  await fault.inject(context);
  const recovery = await load.untilAccepting(recoveryDeadlineMs);
  await sleep(500);
  return [recovery];
}

function problemsOf(fault: Fault, rounds: number, { counts }: Findings): string[] {
  const expected = (fault.deadLettersPerRound ?? 0) * rounds;
  return counts.deadLetters === expected ? [] : [`${counts.deadLetters} dead letters instead of ${expected}`];
}

function complaintsOf(load: SteadyLoad | undefined): string[] {
  const complaints = load?.complaints ?? [];
  return complaints.length === 0
    ? []
    : [`${complaints.length} good requests were refused, like: ${complaints[0]}`];
}

/** Takes every step whatever happens in the others, the last one first. */
async function cleanUp(steps: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.toReversed()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0)
    throw new AggregateError(failures, `cleaning up failed: ${failures.map(messageOf).join('; ')}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
