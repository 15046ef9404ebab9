import type { BenchContext } from '../bench-context.ts';
import { type Comparison, compareInTurn, type Spread, spreadOf } from '../comparison.ts';
import { buildRequest } from '../load/event-template.ts';
import { cpuSecondsOf } from '../machine/pinned-process.ts';
import { profileFlags } from '../profile.ts';
import { type RawHttp, startRawHttp } from '../raw/raw-http.ts';
import { type BenchStack, startBenchStack } from '../stack/bench-stack.ts';
import type { HttpScenario } from './http-scenarios.ts';
import { analyticsLoad, type HttpRound, type LoadShape, measureLoad, stackTarget } from './http-target.ts';

/** Longest that a backlog may take to be stored between rounds. */
const DRAIN_MS = 180_000;
/** Until the optimizing compiler has seen enough: the measured code is much more than that of the raw limit. */
const FIRST_WARM_UP_MS = 10_000;

/** A round of the measured stack. */
export interface StackRound extends HttpRound {
  /** Processor time of the measured process for each event, from the first request until all are stored. */
  readonly cpuMicrosUntilStored: number;
  /** Seconds from the end of the load until every event was stored. */
  readonly drainSeconds: number;
}

/** What an HTTP scenario gave. */
export interface HttpFigures {
  readonly kind: 'http';
  readonly scenario: HttpScenario;
  readonly comparison: Comparison<StackRound, HttpRound>;
  readonly cpuMicrosUntilStored: Spread;
  /** Events that were accepted and then counted in ClickHouse. */
  readonly storedEvents: number;
  /** Events that travelled in one message of the stream, on average. */
  readonly eventsPerMessage: number;
}

/** Compares an ingest route with raw node:http, in turn on the same core. */
export async function runHttpScenario(scenario: HttpScenario, context: BenchContext): Promise<HttpFigures> {
  const { cores, dataRoot, signal } = context;
  const flags = profileFlags(context.profileDir, scenario.name);
  const stack = await startBenchStack({
    ...scenario,
    cores,
    dataRoot,
    signal,
    ...(flags === undefined ? {} : { serverNodeOptions: flags }),
  });
  let raw: RawHttp | undefined;
  try {
    const shape = analyticsLoad({ ...scenario, apiKey: stack.connection.credentials.apiKey });
    const responseBytes = await probe(stack, shape);
    raw = await startRawHttp({ cores: cores.server, responseBytes });
    return await takeTurns({ scenario, context, stack, raw, shape });
  } finally {
    await raw?.stop();
    await stack.stop();
  }
}

async function takeTurns(parts: {
  scenario: HttpScenario;
  context: BenchContext;
  stack: BenchStack;
  raw: RawHttp;
  shape: LoadShape;
}): Promise<HttpFigures> {
  const { scenario, context, stack, raw, shape } = parts;
  const target = stackTarget(stack);
  const end = { kind: 'time', measureMs: context.seconds * 1000 } as const;
  // The probe sent the first request.
  let nextEvent = shape.batchSize;
  let accepted = shape.batchSize;

  const ours = async (round: number, options?: { warmUpMs: number }): Promise<StackRound> => {
    context.signal.throwIfAborted();
    const cpuBefore = cpuSecondsOf(stack.serverPid);
    const measured = await measureLoad({ ...options, context, target, shape, firstEvent: nextEvent, end });
    const loadEndedAt = performance.now();
    nextEvent = measured.load.nextEvent;
    accepted += measured.load.acceptedEvents;
    await stack.stored.until(accepted, { timeoutMs: DRAIN_MS, signal: context.signal });
    stack.checkUnbroken();
    const drainSeconds = (performance.now() - loadEndedAt) / 1000;
    const used = cpuSecondsOf(stack.serverPid) - cpuBefore;
    const result = {
      ...measured.round,
      cpuMicrosUntilStored: (used / measured.load.acceptedEvents) * 1e6,
      drainSeconds,
    };
    context.progress(`${scenario.name} ${round}: millrace ${describeRound(result)}`);
    return result;
  };
  const theirs = async (round: number, options?: { warmUpMs: number }): Promise<HttpRound> => {
    context.signal.throwIfAborted();
    const rawTarget = { port: raw.port, pid: raw.pid, others: {} };
    const measured = await measureLoad({ ...options, context, target: rawTarget, shape, firstEvent: 0, end });
    context.progress(`${scenario.name} ${round}: raw      ${describeRound(measured.round)}`);
    return measured.round;
  };

  context.progress(`${scenario.name}: warming up`);
  await ours(0, { warmUpMs: FIRST_WARM_UP_MS });
  await theirs(0, { warmUpMs: FIRST_WARM_UP_MS });
  const comparison = await compareInTurn({
    rounds: context.rounds,
    ours: (round) => ours(round + 1),
    raw: (round) => theirs(round + 1),
  });
  const cpuMicrosUntilStored = spreadOf(comparison.ours.map((round) => round.cpuMicrosUntilStored));
  const eventsPerMessage = accepted / (await stack.stored.messages());
  return {
    kind: 'http',
    scenario,
    comparison,
    cpuMicrosUntilStored,
    storedEvents: accepted,
    eventsPerMessage,
  };
}

function describeRound({ rate, cpuMicros, busy }: HttpRound): string {
  return `${Math.round(rate)} events/s, ${cpuMicros.toFixed(1)} µs of processor each, core ${Math.round(busy * 100)} % busy`;
}

/** Sends the first request and returns the length of its answer's body. */
async function probe(stack: BenchStack, shape: LoadShape): Promise<number> {
  const request = buildRequest({ ...shape, port: stack.port, firstEvent: 0, warmUpMs: 0, end: noEnd }, 0);
  request.renumber(0);
  const body = request.bytes.subarray(request.bytes.indexOf('\r\n\r\n') + 4);
  const headers = { ...shape.headers };
  const response = await fetch(new URL(shape.path, stack.connection.url), { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`the first event was answered ${response.status}: ${text}`);
  return Buffer.byteLength(text);
}

const noEnd = { kind: 'time', measureMs: 0 } as const;
