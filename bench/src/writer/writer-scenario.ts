import { createClient } from '@clickhouse/client';
import { loadSecrets } from '@millrace/embedded';
import type { BenchContext } from '../bench-context.ts';
import { type Comparison, compareInTurn } from '../comparison.ts';
import { analyticsLoad, measureLoad, stackTarget } from '../ingest/http-target.ts';
import type { EventIds } from '../load/generator.ts';
import { profileFlags } from '../profile.ts';
import { type RawInserter, startRawInserter } from '../raw/raw-inserter.ts';
import { type BenchStack, startBenchStack } from '../stack/bench-stack.ts';
import { withoutWriter } from '../stack/topologies.ts';
import { measureArrival, type WriterRound } from './measure-arrival.ts';
import { startWriter } from './writer-process.ts';

/** Rows of a round for each second asked for, about what a core stores. */
const ROWS_PER_SECOND = 150_000;
/** Rows that the raw inserter holds in memory and repeats. */
const MATERIAL_ROWS = 300_000;
const MERGE_MS = 30_000;

const FILL_BATCH = 500;
const FILL_CONNECTIONS = 8;
const FILL_LIMIT_MS = 120_000;

/** A drain of a filled stream. */
export interface WriterScenario {
  readonly name: string;
  readonly title: string;
  readonly ids: EventIds;
  readonly aim: { readonly of: 'ratio'; readonly least: number };
}

/** What a writer scenario gave. */
export interface WriterFigures {
  readonly kind: 'writer';
  readonly scenario: WriterScenario;
  readonly comparison: Comparison<WriterRound, WriterRound>;
  readonly rowsPerRound: number;
  readonly rowsPerInsert: number;
  readonly bytesPerRow: number;
}

const aim = { of: 'ratio', least: 0.8 } as const;

/** The writer's scenarios, in the order in which they run. */
export const writerScenarios: readonly WriterScenario[] = [
  { name: 'drain', title: 'drain of a filled stream, every event with an id', ids: { kind: 'unique' }, aim },
  {
    name: 'drain-without-ids',
    title: 'drain of a filled stream, no event with an id',
    ids: { kind: 'none' },
    aim,
  },
];

/** Compares the writer's drain of a filled stream with the insert of the same rows alone. */
export async function runWriterScenario(
  scenario: WriterScenario,
  context: BenchContext,
): Promise<WriterFigures> {
  const { cores, dataRoot, signal } = context;
  const stack = await startBenchStack({ topology: withoutWriter, cores, dataRoot, signal });
  try {
    return await takeTurns({ scenario, context, stack });
  } finally {
    await stack.stop();
  }
}

async function takeTurns(parts: {
  scenario: WriterScenario;
  context: BenchContext;
  stack: BenchStack;
}): Promise<WriterFigures> {
  const { scenario, context, stack } = parts;
  const repeats = Math.max(1, Math.round((context.seconds * ROWS_PER_SECOND) / MATERIAL_ROWS));
  const rowsPerRound = repeats * MATERIAL_ROWS;
  const { database, url } = stack.connection.clickhouse;
  const login = {
    username: 'millrace',
    password: loadSecrets(stack.dataDir).clickHousePassword,
    database,
    url,
  };
  const client = createClient(login);
  let stored = 0;
  let rawRows = 0;
  let rowsPerInsert = 0;
  let raw: RawInserter | undefined;

  const ours = async (round: number): Promise<WriterRound> => {
    context.signal.throwIfAborted();
    await fillStream({ ...parts, ids: scenario.ids, firstEvent: stored, events: rowsPerRound });
    await stack.stored.untilMerged(MERGE_MS);
    const flags = round === context.rounds ? profileFlags(context.profileDir, scenario.name) : undefined;
    const writer = await startWriter({
      ...stack,
      cores: context.cores.server,
      nodeOptions: flags ?? [],
    });
    try {
      const count = stack.stored.count;
      const result = await measureArrival({
        process: writer,
        context,
        stack,
        count,
        from: stored,
        to: stored + rowsPerRound,
      });
      stored += rowsPerRound;
      rowsPerInsert = await writer.meanBatchRows();
      context.progress(`${scenario.name} ${round}: writer ${describeRound(result)}`);
      return result;
    } finally {
      await writer.stop();
      await stack.stored.untilMerged(MERGE_MS);
    }
  };
  const theirs = async (inserter: RawInserter, round: number): Promise<WriterRound> => {
    context.signal.throwIfAborted();
    const count = () => countOf(client, 'bench_raw');
    const to = rawRows + rowsPerRound;
    const inserted = inserter.insert({ repeats, blockRows: Math.round(rowsPerInsert) });
    const measured = measureArrival({ ...parts, process: inserter, count, from: rawRows, to });
    const [result] = await Promise.all([measured, inserted]);
    rawRows = to;
    await stack.stored.untilMerged(MERGE_MS);
    context.progress(`${scenario.name} ${round}: raw    ${describeRound(result)}`);
    return result;
  };

  try {
    context.progress(`${scenario.name}: warming up`);
    await ours(0);
    await client.command({ query: 'CREATE TABLE bench_raw AS events' });
    // The raw side repeats its rows, which the table would take for duplicates.
    await client.command({
      query: 'ALTER TABLE bench_raw MODIFY SETTING non_replicated_deduplication_window = 0',
    });
    const inserter = await startRawInserter(context.cores.server, {
      ...login,
      rows: MATERIAL_ROWS,
    });
    raw = inserter;
    await theirs(inserter, 0);
    const comparison = await compareInTurn({
      rounds: context.rounds,
      ours: (round) => ours(round + 1),
      raw: (round) => theirs(inserter, round + 1),
    });
    stack.checkUnbroken();
    const bytesPerRow = inserter.bytes / MATERIAL_ROWS;
    return { kind: 'writer', scenario, comparison, rowsPerRound, rowsPerInsert, bytesPerRow };
  } finally {
    await raw?.stop();
    await client.close();
  }
}

/** Has a stack without a writer accept events, which stay in the stream. */
async function fillStream(options: {
  ids: EventIds;
  context: BenchContext;
  stack: BenchStack;
  firstEvent: number;
  events: number;
}): Promise<void> {
  const { context, stack, events } = options;
  const { load } = await measureLoad({
    context,
    target: stackTarget(stack),
    shape: analyticsLoad({
      apiKey: stack.connection.credentials.apiKey,
      connections: FILL_CONNECTIONS,
      batchSize: FILL_BATCH,
      ids: options.ids,
    }),
    firstEvent: options.firstEvent,
    end: { kind: 'events', events, limitMs: FILL_LIMIT_MS },
    warmUpMs: 0,
  });
  if (load.acceptedEvents !== events) {
    throw new Error(
      `${load.acceptedEvents} of ${events} events were accepted: ${JSON.stringify(load.statuses)}`,
    );
  }
}

async function countOf(client: ReturnType<typeof createClient>, table: string): Promise<number> {
  const answer = await client.query({
    query: 'SELECT count() FROM {table:Identifier}',
    query_params: { table },
    format: 'JSONCompactEachRow',
  });
  const [row] = await answer.json<readonly (string | number)[]>();
  return Number(row?.[0] ?? 0);
}

function describeRound({ rate, cpuMicros, clickHouseMicros, busy }: WriterRound): string {
  const own = `${cpuMicros.toFixed(2)} µs each, core ${Math.round(busy * 100)} % busy`;
  return `${Math.round(rate)} rows/s, ${own}, ClickHouse ${clickHouseMicros.toFixed(2)} µs each`;
}
