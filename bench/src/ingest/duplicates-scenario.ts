import type { BenchContext } from '../bench-context.ts';
import { profileFlags } from '../profile.ts';
import { startBenchStack } from '../stack/bench-stack.ts';
import { wholeInOne } from '../stack/topologies.ts';
import { analyticsLoad, type HttpRound, measureLoad, stackTarget } from './http-target.ts';

const IDS = 10_000;
const TIMES = 100;
const CONNECTIONS = 64;
const LIMIT_MS = 300_000;
const DRAIN_MS = 60_000;

/** Name of the scenario. */
export const duplicatesScenario = 'duplicates';

/** What the storm of duplicates gave. */
export interface DuplicatesFigures {
  readonly kind: 'duplicates';
  readonly name: string;
  readonly title: string;
  readonly round: HttpRound;
  /** Of the requests that repeat an id, those that were told so. */
  readonly answeredDuplicate: number;
  readonly rows: number;
  readonly expectedRows: number;
}

/** Sends every id many times, on many connections at once. */
export async function runDuplicatesScenario(context: BenchContext): Promise<DuplicatesFigures> {
  const flags = profileFlags(context.profileDir, duplicatesScenario);
  const stack = await startBenchStack({
    topology: wholeInOne,
    cores: context.cores,
    dataRoot: context.dataRoot,
    signal: context.signal,
    ...(flags === undefined ? {} : { serverNodeOptions: flags }),
  });
  try {
    const shape = analyticsLoad({
      apiKey: stack.connection.credentials.apiKey,
      connections: CONNECTIONS,
      batchSize: 1,
      ids: { kind: 'cycle', size: IDS },
    });
    const end = { kind: 'events', events: IDS * TIMES, limitMs: LIMIT_MS } as const;
    const target = stackTarget(stack);
    const { round } = await measureLoad({ context, target, shape, firstEvent: 0, end, warmUpMs: 0 });
    await stack.stored.until(IDS, { timeoutMs: DRAIN_MS, signal: context.signal });
    stack.checkUnbroken();
    return {
      kind: 'duplicates',
      name: duplicatesScenario,
      title: `${IDS} ids, each ${TIMES} times`,
      round,
      answeredDuplicate: (round.statuses['200'] ?? 0) / (IDS * TIMES - IDS),
      rows: await stack.stored.count(),
      expectedRows: IDS,
    };
  } finally {
    await stack.stop();
  }
}
