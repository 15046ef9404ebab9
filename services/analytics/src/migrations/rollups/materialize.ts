import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, MillraceError } from '@millrace/runtime';
import { loadSql, storeUnavailable } from '@millrace/stores';
import { withLease } from '../lease.ts';
import { quoted } from './rollup-shape.ts';
import {
  listMutations,
  listParts,
  listRollups,
  type Mutation,
  type Part,
  type Rollup,
  type RollupTable,
} from './rollups.ts';

/** How it went. */
export type Materialized =
  /** Every part has it. */
  | { readonly kind: 'complete'; readonly name: string }
  | { readonly kind: 'materialized'; readonly name: string; readonly parts: number };

/** Told about once a second. `resumed`: it had been begun before. */
export type MaterializeProgress = (now: {
  name: string;
  partsDone: number;
  partsTotal: number;
  resumed: boolean;
}) => void;

/** What {@link materialize} needs. */
export interface MaterializeOptions extends RollupTable {
  readonly cluster: string;
  readonly log: Logger;
  /** A projection or an index of the table. */
  readonly name: string;
  readonly onProgress?: MaterializeProgress;
}

const STATEMENT_TIMEOUT_MS = 60_000;
const POLL_MS = 1_000;
/** Until a mutation that was asked for is seen: on a cluster replicas hear of it a moment later. */
const APPEARS_WITHIN_MS = 60_000;

const statements = {
  projection: loadSql(import.meta.url, 'queries/materialize-projection.sql'),
  index: loadSql(import.meta.url, 'queries/materialize-index.sql'),
};

/**
 * Gives a projection or an index to the parts that were stored before it existed, and resolves when all have it. ClickHouse
 * does the work, whether anybody waits or not: one that has been begun is waited for, not begun again.
 * Throws `invalid_argument` naming what there is, `aborted` when ClickHouse fails at a part or somebody kills it.
 */
export async function materialize(options: MaterializeOptions): Promise<Materialized> {
  const { name } = options;
  const rollups = await listRollups(options);
  const rollup = rollups.find((one) => one.name === name);
  if (rollup === undefined) throw unknownName(options, rollups);
  const isNeeded = async () =>
    rollup.kind === 'index' || partsWithout(rollup, await listParts(options)).length > 0;
  if (!(await isNeeded())) return { kind: 'complete', name };
  const begun = await findOrBegin({ ...options, isNeeded }, rollup);
  if (begun === undefined) return { kind: 'complete', name };
  const parts = await untilDone(options, begun);
  return { kind: 'materialized', name, parts };
}

function unknownName(
  { database, table, name }: MaterializeOptions,
  rollups: readonly Rollup[],
): MillraceError {
  const names = (kind: Rollup['kind']) =>
    rollups
      .filter((one) => one.kind === kind)
      .map((one) => one.name)
      .join(', ');
  return new MillraceError(
    'invalid_argument',
    rollups.length === 0
      ? `there is no table ${database}.${table} with projections or indexes: bring the schema up to date first`
      : `${database}.${table} has no projection or index ${name}; its projections are ${names('projection')}; its indexes ${names('index')}`,
  );
}

/** The parts that a question can't read through it; for an index nobody knows. */
export function partsWithout(rollup: Rollup, parts: readonly Part[]): Part[] {
  return rollup.kind === 'index' ? [] : parts.filter(({ projections }) => !projections.includes(rollup.name));
}

interface Begun {
  readonly id: string;
  readonly resumed: boolean;
}

/** Of two who come at once one begins it, and the other finds it begun. */
function findOrBegin(
  options: MaterializeOptions & { isNeeded: () => Promise<boolean> },
  rollup: Rollup,
): Promise<Begun | undefined> {
  const { client, database, cluster, log, signal, isNeeded } = options;
  const term = { isNeeded, client, target: { database, cluster }, log, signal };
  return withLease(term, async () => {
    const isSame = (one: Mutation) => one.kind === rollup.kind && one.name === rollup.name;
    const before = (await listMutations(options)).filter(isSame);
    const running = before.find(({ isDone, isKilled }) => !isDone && !isKilled);
    if (running) return { id: running.id, resumed: true };
    // Another may have come and gone since it was looked at.
    if (!(await isNeeded())) return undefined;
    await begin(options, rollup);
    const known = new Set(before.map(({ id }) => id));
    const giveUpAtMs = performance.now() + APPEARS_WITHIN_MS;
    for (;;) {
      const begun = (await listMutations(options)).find((one) => isSame(one) && !known.has(one.id));
      if (begun) return { id: begun.id, resumed: false };
      if (performance.now() > giveUpAtMs) {
        throw new MillraceError(
          'unavailable',
          `${rollup.name}: ClickHouse accepted the mutation and does not list it`,
        );
      }
      await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
    }
  });
}

/** The name is one that ClickHouse lists: it takes none as a parameter here. */
async function begin({ client, database, table }: MaterializeOptions, { kind, name }: Rollup): Promise<void> {
  try {
    await client.command({
      query: statements[kind].replace('{{name}}', () => quoted(name)),
      query_params: { database, table },
      abort_signal: AbortSignal.timeout(STATEMENT_TIMEOUT_MS),
      clickhouse_settings: { mutations_sync: '0', alter_sync: '0', wait_end_of_query: 1 },
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

/** How many parts had to be done when it was first looked at. */
async function untilDone(options: MaterializeOptions, { id, resumed }: Begun): Promise<number> {
  const { name, signal, onProgress } = options;
  let partsTotal = 0;
  for (;;) {
    const now = (await listMutations(options)).find((mutation) => mutation.id === id);
    if (now === undefined || now.isKilled) {
      throw new MillraceError(
        'aborted',
        `${name}: the mutation ${id} was killed; run this again to begin anew`,
      );
    }
    partsTotal = Math.max(partsTotal, now.partsToDo);
    onProgress?.({ name, partsDone: partsTotal - now.partsToDo, partsTotal, resumed });
    if (now.isDone) return partsTotal;
    if (now.failure !== '') {
      throw new MillraceError(
        'aborted',
        `${name}: ClickHouse failed at a part and tries again by itself; run this again to go on waiting: ${now.failure}`,
      );
    }
    await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}
