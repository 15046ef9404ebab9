import type { BenchContext } from '../bench-context.ts';
import { type Spread, spreadOf } from '../comparison.ts';
import type { LatencySummary } from '../load/latency-histogram.ts';
import { cpuSecondsOf } from '../machine/pinned-process.ts';
import { startWebhookStack, type WebhookStack } from './webhook-stack.ts';

const ENDPOINTS = 200;
const HANGING = 1;
const FAILING = 40;
const DELIVERIES_PER_SECOND = 200;
const DELIVERED_MS = 60_000;

const numbers = Array.from({ length: ENDPOINTS }, (_, number) => number);
const bad = { hanging: numbers.slice(0, HANGING), failing: numbers.slice(HANGING, HANGING + FAILING) };

/** What endpoints that work notice of those that don't. */
export interface FairnessFigures {
  readonly kind: 'webhook-fairness';
  readonly name: string;
  readonly endpoints: number;
  readonly hanging: number;
  readonly failing: number;
  readonly deliveriesPerSecond: number;
  /** Of all endpoints, and of those that still work while the others don't; all are alike. */
  readonly withoutBad: readonly LatencySummary[];
  readonly withBad: readonly LatencySummary[];
  /** Of the p99, of rounds that ran next to each other. */
  readonly ratio: Spread;
  readonly mostRatio: number;
}

/** Name of the scenario. */
export const fairnessScenario = 'fairness';

/** Delivers at a steady rate, in turn with all endpoints well and with some that hang or fail. */
export async function runFairnessScenario(context: BenchContext): Promise<FairnessFigures> {
  const webhooks = await startWebhookStack(context, { name: fairnessScenario, ports: ENDPOINTS });
  try {
    const pass = (round: number, isBad: boolean) => passEvents({ context, webhooks, round, isBad });
    await pass(0, false);
    const withoutBad: LatencySummary[] = [];
    const withBad: LatencySummary[] = [];
    const ratios: number[] = [];
    for (let round = 1; round <= context.rounds; round++) {
      const badFirst = round % 2 === 0 ? await pass(round, true) : undefined;
      const well = await pass(round, false);
      const beside = badFirst ?? (await pass(round, true));
      withoutBad.push(well);
      withBad.push(beside);
      ratios.push(beside.p99 / well.p99);
    }
    webhooks.stack.checkUnbroken();
    return {
      ...{ kind: 'webhook-fairness', name: fairnessScenario, endpoints: ENDPOINTS },
      ...{ hanging: HANGING, failing: FAILING, deliveriesPerSecond: DELIVERIES_PER_SECOND },
      ...{ withoutBad, withBad, ratio: spreadOf(ratios), mostRatio: 1.2 },
    };
  } finally {
    await webhooks.stop();
  }
}

/** With endpoints of its own: what failed in a round is not attempted again in the next. */
async function passEvents(parts: {
  context: BenchContext;
  webhooks: WebhookStack;
  round: number;
  isBad: boolean;
}): Promise<LatencySummary> {
  const { context, webhooks, round, isBad } = parts;
  const { signal, seconds } = context;
  const { receiver, stack } = webhooks;
  const types = numbers.map((number) => `bench.${round}.${isBad ? 'bad' : 'well'}.${number}`);
  const ids = await webhooks.subscribe(types.map((event, number) => ({ number, event, isActive: true })));
  await receiver.begin(isBad ? bad : undefined);
  const cpu = cpuSecondsOf(stack.serverPid);
  const published = await webhooks.publish({
    types,
    eventsPerSecond: DELIVERIES_PER_SECOND,
    seconds,
    signal,
  });
  const { latency } = await receiver.until(isBad ? ofWorking(published) : published, {
    timeoutMs: DELIVERED_MS,
    signal,
  });
  const cpuMicros = ((cpuSecondsOf(stack.serverPid) - cpu) / published) * 1e6;
  await webhooks.unsubscribe(ids);
  const kind = isBad ? `${HANGING} hanging, ${FAILING} failing` : 'none bad';
  context.progress(
    `${fairnessScenario} ${round}: ${kind}: p50 ${latency.p50 / 1_000} ms, p99 ${latency.p99 / 1_000} ms, ${Math.round(cpuMicros)} µs of processor an event`,
  );
  return latency;
}

/** Of so many events in turn, those of endpoints that work. */
function ofWorking(events: number): number {
  const left = events % ENDPOINTS;
  return (
    Math.floor(events / ENDPOINTS) * (ENDPOINTS - HANGING - FAILING) + Math.max(0, left - HANGING - FAILING)
  );
}
