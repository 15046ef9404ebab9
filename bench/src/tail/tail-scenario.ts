import type { BenchContext } from '../bench-context.ts';
import { type Comparison, compareInTurn } from '../comparison.ts';
import { analyticsLoad, type HttpRound, measureLoad, stackTarget } from '../ingest/http-target.ts';
import { EVENT_TYPES, userOf, userOfEvent } from '../load/event-template.ts';
import { residentBytesOf } from '../machine/pinned-process.ts';
import { profileFlags } from '../profile.ts';
import { type BenchStack, startBenchStack } from '../stack/bench-stack.ts';
import { wholeInOne } from '../stack/topologies.ts';
import { startTailReaders, type TailReaders } from './tail-readers.ts';

const READERS = 1_000;
/** Of them, those who watch a type; the others watch a user each. */
const WATCHING_TYPE = 10;
const WATCHED_TYPE = 'purchase';
const CONNECTIONS = 16;
/** A multiple of the types' number: each request has as many events of each. */
const BATCH = 200;
const FIRST_WARM_UP_MS = 10_000;
const SEEN_WITHIN_MS = 60_000;
const DRAIN_MS = 180_000;

/** An ingest with and without readers of tails. */
export interface TailScenario {
  readonly name: string;
  readonly title: string;
  /** Undefined for as many as go. */
  readonly eventsPerSecond: number | undefined;
  /** What the ratio and the growth of memory must be. */
  readonly aim: { readonly leastRatio: number; readonly mostGrowth: number } | undefined;
}

/** The scenarios, in the order in which they run. */
export const tailScenarios: readonly TailScenario[] = [
  {
    name: 'readers',
    title: '5,000 events/s',
    eventsPerSecond: 5_000,
    aim: { leastRatio: 0.95, mostGrowth: 1.1 },
  },
  { name: 'readers-saturated', title: 'as many events as go', eventsPerSecond: undefined, aim: undefined },
];

/** A round, and the memory of the process that serves when it was over. */
export interface TailRound extends HttpRound {
  readonly residentBytes: number;
}

/** What the ingest beside readers gave. */
export interface TailFigures {
  readonly kind: 'tail';
  readonly scenario: TailScenario;
  readonly readers: number;
  /** With readers against without. */
  readonly comparison: Comparison<TailRound, TailRound>;
  /** Events that the readers were shown, all of which had to come, and once. */
  readonly shown: number;
  /** Resident memory after the last round over that after the first. */
  readonly growth: number;
}

/** Lets the same load pass in turn with a thousand readers and without any. */
export async function runTailScenario(scenario: TailScenario, context: BenchContext): Promise<TailFigures> {
  const { cores, dataRoot, signal } = context;
  const flags = profileFlags(context.profileDir, scenario.name);
  // Twice as many: the places of those who have just left may still be taken.
  const places = String(2 * READERS);
  const stack = await startBenchStack({
    topology: wholeInOne,
    cores,
    dataRoot,
    signal,
    env: { TAIL_MAX_READERS: places, TAIL_MAX_READERS_PER_WORKSPACE: places },
    ...(flags === undefined ? {} : { serverNodeOptions: flags }),
  });
  let readers: TailReaders | undefined;
  try {
    readers = await startTailReaders(cores.load);
    return await takeTurns({ scenario, context, stack, readers });
  } finally {
    await readers?.stop();
    await stack.stop();
  }
}

async function takeTurns(parts: {
  scenario: TailScenario;
  context: BenchContext;
  stack: BenchStack;
  readers: TailReaders;
}): Promise<TailFigures> {
  const { scenario, context, stack, readers } = parts;
  const { signal } = context;
  const { url, credentials } = stack.connection;
  const queries = Array.from({ length: READERS }, (_, i) =>
    String(new URLSearchParams(i < WATCHING_TYPE ? { type: WATCHED_TYPE } : { userId: userOf(i) })),
  );
  const shape = {
    ...analyticsLoad({
      apiKey: credentials.apiKey,
      connections: CONNECTIONS,
      batchSize: BATCH,
      ids: { kind: 'unique' },
    }),
    ...(scenario.eventsPerSecond === undefined ? {} : { eventsPerSecond: scenario.eventsPerSecond }),
  };
  const end = { kind: 'time', measureMs: context.seconds * 1000 } as const;
  const target = stackTarget(stack);
  let firstEvent = 0;
  let shown = 0;

  const pass = async (name: string, warmUp: { warmUpMs?: number }): Promise<TailRound> => {
    signal.throwIfAborted();
    const { round, load } = await measureLoad({ ...warmUp, context, target, shape, firstEvent, end });
    if (load.acceptedEvents !== load.nextEvent - firstEvent) {
      throw new Error(`not every event was accepted: ${JSON.stringify(load.statuses)}`);
    }
    firstEvent = load.nextEvent;
    const residentBytes = residentBytesOf(stack.serverPid);
    const [rate, mib] = [Math.round(round.rate), Math.round(residentBytes / 2 ** 20)];
    context.progress(`${scenario.name}: ${name} ${rate} events/s, ${mib} MiB`);
    return { ...round, residentBytes };
  };
  const settle = async () => {
    await stack.stored.until(firstEvent, { timeoutMs: DRAIN_MS, signal });
    stack.checkUnbroken();
  };
  const withReaders = async (warmUp: { warmUpMs?: number } = {}) => {
    const from = firstEvent;
    await readers.open({ url, apiKey: credentials.apiKey, queries });
    const round = await pass('with readers   ', warmUp);
    const expected = eventsToShow(from, firstEvent);
    await readers.until(expected, { timeoutMs: SEEN_WITHIN_MS, signal });
    shown += expected;
    await readers.close();
    await settle();
    return round;
  };
  const without = async (warmUp: { warmUpMs?: number } = {}) => {
    const round = await pass('without readers', warmUp);
    await settle();
    return round;
  };

  context.progress(`${scenario.name}: warming up`);
  await withReaders({ warmUpMs: FIRST_WARM_UP_MS });
  await without();
  const comparison = await compareInTurn({
    rounds: context.rounds,
    ours: () => withReaders(),
    raw: () => without(),
  });
  const [first, last] = [comparison.ours[0], comparison.ours.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const growth = last.residentBytes / first.residentBytes;
  return { kind: 'tail', scenario, readers: READERS, comparison, shown, growth };
}

/** Events that all readers together must see of those with these numbers. */
function eventsToShow(from: number, to: number): number {
  const watched = new Set(
    Array.from({ length: READERS - WATCHING_TYPE }, (_, i) => userOf(i + WATCHING_TYPE)),
  );
  let events = (WATCHING_TYPE * (to - from)) / EVENT_TYPES.length;
  for (let event = from; event < to; event++) if (watched.has(userOfEvent(event))) events++;
  return events;
}
