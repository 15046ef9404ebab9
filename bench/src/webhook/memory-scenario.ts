import { setInterval as every } from 'node:timers/promises';
import type { BenchContext } from '../bench-context.ts';
import { residentBytesOf } from '../machine/pinned-process.ts';
import { startWebhookStack, type WebhookStack } from './webhook-stack.ts';

const FEW = 100;
const MANY = 10_000;
const DELIVERIES_PER_SECOND = 250;
const PORTS = 100;
const SAMPLE_MS = 100;
const IDLE_SECONDS = 3;
const DELIVERED_MS = 120_000;

/** Resident memory of a dispatcher with so many endpoints. */
export interface EndpointMemory {
  readonly endpoints: number;
  /** The least that was seen while nothing happened. */
  readonly idleBytes: number;
  /** The most that was seen while it delivered. */
  readonly busyBytes: number;
}

/** What endpoints take. */
export interface EndpointMemoryFigures {
  readonly kind: 'webhook-memory';
  readonly name: string;
  readonly deliveriesPerSecond: number;
  readonly few: EndpointMemory;
  readonly many: EndpointMemory;
  /** Of many over few, while they are busy. */
  readonly ratio: number;
  readonly mostRatio: number;
}

/** Name of the scenario. */
export const endpointMemoryScenario = 'memory';

/** Looks at the memory of a dispatcher that was started with few endpoints and with many, idle and at the same steady rate. */
export async function runEndpointMemoryScenario(context: BenchContext): Promise<EndpointMemoryFigures> {
  const webhooks = await startWebhookStack(context, { name: endpointMemoryScenario, ports: PORTS });
  try {
    const few = await measure({ context, webhooks, from: 0, to: FEW });
    const many = await measure({ context, webhooks, from: FEW, to: MANY });
    webhooks.stack.checkUnbroken();
    return {
      ...{ kind: 'webhook-memory', name: endpointMemoryScenario, deliveriesPerSecond: DELIVERIES_PER_SECOND },
      ...{ few, many, ratio: many.busyBytes / few.busyBytes, mostRatio: 1.5 },
    };
  } finally {
    await webhooks.stop();
  }
}

/** Adds endpoints, then delivers to all that there are by now, in turn. */
async function measure(parts: {
  context: BenchContext;
  webhooks: WebhookStack;
  from: number;
  to: number;
}): Promise<EndpointMemory> {
  const { context, webhooks, from, to } = parts;
  const { signal } = context;
  const typeOf = (number: number) => `bench.${number}`;
  const beganAt = performance.now();
  await webhooks.subscribe(
    Array.from({ length: to - from }, (_, i) => ({
      ...{ number: from + i, event: typeOf(from + i), isActive: true },
    })),
  );
  const took = ((performance.now() - beganAt) / (to - from)).toFixed(1);
  context.progress(`${endpointMemoryScenario}: ${to - from} endpoints were made, ${took} ms each`);
  // What making them has left in the heap says nothing about what they take.
  await webhooks.stack.restart('webhook');
  await deliverOnce(webhooks, typeOf(from), signal);
  const rss = () => residentBytesOf(webhooks.stack.serverPid);
  const idle = await sampled(rss, new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1_000)));
  await webhooks.receiver.begin();
  const types = Array.from({ length: to }, (_, number) => typeOf(number));
  // As long as both take to be called once, and no less than is asked for.
  const seconds = Math.max(context.seconds * context.rounds, MANY / DELIVERIES_PER_SECOND);
  const deliver = async () => {
    const published = await webhooks.publish({
      types,
      eventsPerSecond: DELIVERIES_PER_SECOND,
      seconds,
      signal,
    });
    await webhooks.receiver.until(published, { timeoutMs: DELIVERED_MS, signal });
  };
  const busy = await sampled(rss, deliver());
  const result = { endpoints: to, idleBytes: Math.min(...idle), busyBytes: Math.max(...busy) };
  const [idleMib, busyMib] = [result.idleBytes, result.busyBytes].map((bytes) => Math.round(bytes / 2 ** 20));
  context.progress(`${endpointMemoryScenario}: ${to} endpoints, idle ${idleMib} MiB, busy ${busyMib} MiB`);
  return result;
}

/** Resolves when the dispatcher is at work. */
async function deliverOnce(webhooks: WebhookStack, type: string, signal: AbortSignal): Promise<void> {
  await webhooks.receiver.begin();
  await webhooks.publish({ types: [type], eventsPerSecond: 1, seconds: 1, signal });
  await webhooks.receiver.until(1, { timeoutMs: DELIVERED_MS, signal });
}

/** Looks again and again until something is over. */
async function sampled(look: () => number, over: Promise<unknown>): Promise<number[]> {
  const samples = [look()];
  const watching = new AbortController();
  const watch = async () => {
    try {
      for await (const _ of every(SAMPLE_MS, undefined, { signal: watching.signal })) samples.push(look());
    } catch {
      // Aborting is how it is ended.
    }
  };
  const watched = watch();
  try {
    await over;
  } finally {
    watching.abort();
    await watched;
  }
  return samples;
}
