import { setInterval as every } from 'node:timers/promises';
import type { BenchContext } from '../bench-context.ts';
import { residentBytesOf } from '../machine/pinned-process.ts';
import { profileFlags } from '../profile.ts';
import { type BenchStack, startBenchStack } from '../stack/bench-stack.ts';
import { wholeInOne } from '../stack/topologies.ts';
import { analyticsLoad, measureLoad, stackTarget } from './http-target.ts';

const EVENTS = 5_000_000;
const STEP = 1_000_000;
const BATCH = 100;
const CONNECTIONS = 16;
const SAMPLE_MS = 250;
const STEP_LIMIT_MS = 300_000;
const DRAIN_MS = 600_000;

/** The last quarter of the load may lie this much above the second. */
const FLAT_WITHIN = 0.1;

/** Resident memory at a moment of the load. */
export interface MemorySample {
  readonly events: number;
  readonly bytes: number;
}

/** What the memory scenario gave. */
export interface MemoryFigures {
  readonly kind: 'memory';
  readonly name: string;
  readonly title: string;
  /** After each step, and before the first. */
  readonly steps: readonly MemorySample[];
  readonly peakBytes: number;
  /** When everything was stored. */
  readonly drainedBytes: number;
  /** Of the last quarter of the events over the second. */
  readonly growth: number;
  readonly isFlat: boolean;
  readonly eventsPerSecond: number;
}

/** Name of the scenario. */
export const memoryScenario = 'memory';

/** Watches a standalone stack's memory while millions of events pass. */
export async function runMemoryScenario(context: BenchContext): Promise<MemoryFigures> {
  const flags = profileFlags(context.profileDir, memoryScenario);
  const stack = await startBenchStack({
    topology: wholeInOne,
    cores: context.cores,
    dataRoot: context.dataRoot,
    signal: context.signal,
    ...(flags === undefined ? {} : { serverNodeOptions: flags }),
  });
  try {
    return await passEvents(context, stack);
  } finally {
    await stack.stop();
  }
}

async function passEvents(context: BenchContext, stack: BenchStack): Promise<MemoryFigures> {
  const shape = analyticsLoad({
    apiKey: stack.connection.credentials.apiKey,
    connections: CONNECTIONS,
    batchSize: BATCH,
    ids: { kind: 'unique' },
  });
  const target = stackTarget(stack);
  const rss = () => residentBytesOf(stack.serverPid);
  const steps: MemorySample[] = [{ events: 0, bytes: rss() }];
  const samples: MemorySample[] = [];
  let sent = 0;
  let seconds = 0;
  while (sent < EVENTS) {
    context.signal.throwIfAborted();
    const end = { kind: 'events', events: STEP, limitMs: STEP_LIMIT_MS } as const;
    const inStep: number[] = [];
    const watching = new AbortController();
    const watch = sampleEvery(() => inStep.push(rss()), watching.signal);
    const { load } = await measureLoad({ context, target, shape, firstEvent: sent, end, warmUpMs: 0 });
    watching.abort();
    await watch;
    for (const [i, bytes] of inStep.entries()) {
      samples.push({ events: sent + (STEP * (i + 1)) / inStep.length, bytes });
    }
    if (load.acceptedEvents !== STEP) {
      throw new Error(
        `${load.acceptedEvents} of ${STEP} events were accepted: ${JSON.stringify(load.statuses)}`,
      );
    }
    sent = load.nextEvent;
    seconds += load.seconds;
    steps.push({ events: sent, bytes: rss() });
    context.progress(`memory: ${sent} events, ${Math.round(rss() / 2 ** 20)} MiB`);
  }
  await stack.stored.until(sent, { timeoutMs: DRAIN_MS, signal: context.signal });
  stack.checkUnbroken();
  const growth = meanOf(samples, 0.75, 1) / meanOf(samples, 0.25, 0.5);
  return {
    kind: 'memory',
    name: memoryScenario,
    title: `memory of a standalone process, batches of ${BATCH}, ${CONNECTIONS} connections`,
    steps,
    peakBytes: Math.max(...samples.map((sample) => sample.bytes)),
    drainedBytes: rss(),
    growth,
    isFlat: growth <= 1 + FLAT_WITHIN,
    eventsPerSecond: sent / seconds,
  };
}

async function sampleEvery(sample: () => void, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of every(SAMPLE_MS, undefined, { signal })) sample();
  } catch {
    // Aborting is how it is ended.
  }
}

function meanOf(samples: readonly MemorySample[], from: number, to: number): number {
  const part = samples.filter(({ events }) => events > EVENTS * from && events <= EVENTS * to);
  return part.reduce((sum, { bytes }) => sum + bytes, 0) / part.length;
}
