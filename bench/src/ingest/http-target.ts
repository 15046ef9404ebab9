import type { BenchContext } from '../bench-context.ts';
import type { Round } from '../comparison.ts';
import type { LoadEnd, LoadResult, LoadSpec } from '../load/generator.ts';
import type { LatencySummary } from '../load/latency-histogram.ts';
import { cpuSecondsOf } from '../machine/pinned-process.ts';
import type { BenchStack } from '../stack/bench-stack.ts';

const WARM_UP_MS = 1_000;

/** A round of an HTTP load. */
export interface HttpRound extends Round {
  readonly latency: LatencySummary;
  /** Requests by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How much of a core each process used meanwhile. */
  readonly busyOf: Readonly<Record<string, number>>;
}

/** A server that a load can be put on. */
export interface HttpTarget {
  readonly port: number;
  readonly pid: number;
  /** Other processes whose use of their cores is of interest. */
  readonly others: Readonly<Record<string, number>>;
}

/** Everything of a load but the target and the numbers of its events. */
export type LoadShape = Pick<
  LoadSpec,
  'path' | 'headers' | 'connections' | 'batchSize' | 'ids' | 'eventsPerSecond'
>;

/** The analytics API's ingest routes, called with a stack's own key. */
export function analyticsLoad(options: {
  apiKey: string;
  connections: number;
  batchSize: number;
  ids: LoadSpec['ids'];
}): LoadShape {
  return {
    path: options.batchSize === 1 ? '/api/v1/events' : '/api/v1/events/batch',
    headers: { 'content-type': 'application/json', 'x-api-key': options.apiKey },
    connections: options.connections,
    batchSize: options.batchSize,
    ids: options.ids,
  };
}

/** The processes of a stack as a target. */
export function stackTarget(stack: BenchStack): HttpTarget {
  const others = stack.connection.processes.filter(
    ({ name, pid }) => pid !== stack.serverPid && name !== 'supervisor',
  );
  return {
    port: stack.port,
    pid: stack.serverPid,
    others: Object.fromEntries(others.map(({ name, pid }) => [name, pid])),
  };
}

/** Puts a load on a target and measures what the processes use while it lasts. */
export async function measureLoad(options: {
  context: BenchContext;
  target: HttpTarget;
  shape: LoadShape;
  firstEvent: number;
  end: LoadEnd;
  warmUpMs?: number;
}): Promise<{ round: HttpRound; load: LoadResult }> {
  const { target, shape, firstEvent, end } = options;
  const usage = () => ({
    server: cpuSecondsOf(target.pid),
    others: Object.entries(target.others).map(([name, pid]) => ({ name, seconds: cpuSecondsOf(pid) })),
  });
  let before = usage();
  const spec = { ...shape, port: target.port, firstEvent, warmUpMs: options.warmUpMs ?? WARM_UP_MS, end };
  const load = await options.context.generator.run(spec, () => {
    before = usage();
  });
  const after = usage();
  const events = load.requests * shape.batchSize;
  const served = after.server - before.server;
  const busyOf: Record<string, number> = { load: load.cpuSeconds / load.seconds };
  for (const [i, { name, seconds }] of after.others.entries()) {
    busyOf[name] = (seconds - (before.others[i]?.seconds ?? 0)) / load.seconds;
  }
  const round = {
    rate: events / load.seconds,
    cpuMicros: (served / events) * 1e6,
    busy: served / load.seconds,
    latency: load.latency,
    statuses: load.statuses,
    busyOf,
  };
  return { round, load };
}
