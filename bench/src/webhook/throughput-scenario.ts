import type { BenchContext } from '../bench-context.ts';
import { type Comparison, compareInTurn, type Round } from '../comparison.ts';
import { analyticsLoad, measureLoad, stackTarget } from '../ingest/http-target.ts';
import { EVENT_TYPES } from '../load/event-template.ts';
import { cpuSecondsOf } from '../machine/pinned-process.ts';
import { type RawPosts, readCall, startRawPosts } from './raw-posts.ts';
import { clockMs } from './receiver.ts';
import { startWebhookStack, type WebhookStack } from './webhook-stack.ts';

const ENDPOINTS = 100;
/** Calls under way at once on either side: what the product lets there be to one origin. */
const IN_FLIGHT = 64;
/** Of a round, for each second asked for: about what a core makes. */
const DELIVERIES_PER_SECOND = 4_000;
/** A multiple of the types' number: each request has as many events of each. */
const BATCH = 200;
const FILL_CONNECTIONS = 4;
const FILL_LIMIT_MS = 60_000;
const STORED_MS = 120_000;
const DELIVERED_MS = 180_000;

/** What the delivery of a backlog gave. */
export interface ThroughputFigures {
  readonly kind: 'webhook-throughput';
  readonly name: string;
  readonly endpoints: number;
  readonly deliveriesPerRound: number;
  readonly inFlight: number;
  /** Deliveries against posts of the same bytes by undici alone. */
  readonly comparison: Comparison<Round, Round>;
  readonly leastRatio: number;
}

/** Name of the scenario. */
export const throughputScenario = 'throughput';

/** Compares the delivery of a backlog with the same calls made by undici alone, to the same receiver. */
export async function runThroughputScenario(context: BenchContext): Promise<ThroughputFigures> {
  const webhooks = await startWebhookStack(context, { name: throughputScenario, ports: 1 });
  let raw: RawPosts | undefined;
  try {
    raw = await startRawPosts(context.cores.server);
    return await takeTurns({ context, webhooks, raw });
  } finally {
    await raw?.stop();
    await webhooks.stop();
  }
}

async function takeTurns(parts: {
  context: BenchContext;
  webhooks: WebhookStack;
  raw: RawPosts;
}): Promise<ThroughputFigures> {
  const { context, webhooks, raw } = parts;
  const { receiver, stack } = webhooks;
  const { signal, seconds } = context;
  const receiversOfEvent = ENDPOINTS / EVENT_TYPES.length;
  const events = Math.ceil((seconds * DELIVERIES_PER_SECOND) / receiversOfEvent / BATCH) * BATCH;
  const deliveries = events * receiversOfEvent;
  const ids = await webhooks.subscribe(
    Array.from({ length: ENDPOINTS }, (_, number) => ({
      number,
      event: EVENT_TYPES[number % EVENT_TYPES.length] ?? '*',
      isActive: false,
    })),
  );
  let firstEvent = 0;
  let sample = '';

  const ours = async (round: number): Promise<Round> => {
    signal.throwIfAborted();
    await fill({ context, webhooks, firstEvent, events });
    firstEvent += events;
    await stack.stored.until(firstEvent, { timeoutMs: STORED_MS, signal });
    await receiver.begin();
    await webhooks.setActive(ids, true);
    const before = { ...(await receiver.look()), atMs: clockMs(), cpu: cpuSecondsOf(stack.serverPid) };
    const after = await receiver.until(deliveries, { timeoutMs: DELIVERED_MS, signal });
    const cpu = cpuSecondsOf(stack.serverPid) - before.cpu;
    const made = deliveries - before.received;
    if (made === 0)
      throw new Error('all was delivered before the last endpoint was active: ask for more seconds');
    await webhooks.setActive(ids, false);
    sample = after.sample;
    const result = roundOf(made, (after.lastAtMs - before.atMs) / 1_000, cpu);
    context.progress(`${throughputScenario} ${round}: dispatcher ${describeRound(result)}`);
    return result;
  };
  const theirs = async (round: number): Promise<Round> => {
    signal.throwIfAborted();
    await receiver.begin();
    const command = {
      ...readCall(sample),
      url: receiver.urlOf(0),
      inFlight: IN_FLIGHT,
      forMs: seconds * 1_000,
    };
    const { posted, seconds: took, cpuSeconds } = await raw.post(command);
    const { received } = await receiver.look();
    if (received !== posted) throw new Error(`${posted} posts were made and ${received} came`);
    const result = roundOf(posted, took, cpuSeconds);
    context.progress(`${throughputScenario} ${round}: undici     ${describeRound(result)}`);
    return result;
  };

  context.progress(`${throughputScenario}: warming up`);
  await ours(0);
  await theirs(0);
  const comparison = await compareInTurn({
    rounds: context.rounds,
    ours: (round) => ours(round + 1),
    raw: (round) => theirs(round + 1),
  });
  stack.checkUnbroken();
  return {
    ...{ kind: 'webhook-throughput', name: throughputScenario, endpoints: ENDPOINTS, inFlight: IN_FLIGHT },
    ...{ deliveriesPerRound: deliveries, comparison, leastRatio: 0.8 },
  };
}

/** Has events accepted that nobody is sent yet. */
async function fill(options: {
  context: BenchContext;
  webhooks: WebhookStack;
  firstEvent: number;
  events: number;
}): Promise<void> {
  const { context, webhooks, firstEvent, events } = options;
  const { stack } = webhooks;
  const { load } = await measureLoad({
    ...{ context, target: stackTarget(stack), firstEvent, warmUpMs: 0 },
    shape: analyticsLoad({
      apiKey: stack.connection.credentials.apiKey,
      connections: FILL_CONNECTIONS,
      batchSize: BATCH,
      ids: { kind: 'unique' },
    }),
    end: { kind: 'events', events, limitMs: FILL_LIMIT_MS },
  });
  if (load.acceptedEvents !== events)
    throw new Error(`${load.acceptedEvents} of ${events} events were accepted`);
}

function roundOf(deliveries: number, seconds: number, cpuSeconds: number): Round {
  return {
    rate: deliveries / seconds,
    cpuMicros: (cpuSeconds / deliveries) * 1e6,
    busy: cpuSeconds / seconds,
  };
}

function describeRound({ rate, cpuMicros, busy }: Round): string {
  return `${Math.round(rate)} deliveries/s, ${cpuMicros.toFixed(0)} µs each, core ${Math.round(busy * 100)} % busy`;
}
