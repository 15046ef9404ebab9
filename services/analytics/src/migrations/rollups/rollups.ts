import { ask, type ClickHouseClient, loadSql } from '@millrace/stores';
import { z } from 'zod';

/** A table with rollups, and who asks. */
export interface RollupTable {
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly table: string;
  readonly signal?: AbortSignal | undefined;
}

/** A projection or a skip index of a table. */
export type Rollup =
  | { readonly kind: 'projection'; readonly name: string; readonly isAggregate: boolean }
  /** ClickHouse doesn't tell which parts have an index, only how large it is in all of them. */
  | { readonly kind: 'index'; readonly name: string; readonly bytes: number };

/** An active part: its rows come from the insert blocks `minBlock` to `maxBlock` of its partition. */
export interface Part {
  readonly name: string;
  readonly partition: string;
  readonly minBlock: number;
  readonly maxBlock: number;
  readonly rows: number;
  /** The projections that it has. */
  readonly projections: readonly string[];
}

/** A MATERIALIZE that was asked for. */
export interface Mutation {
  readonly id: string;
  readonly kind: Rollup['kind'];
  readonly name: string;
  readonly createdAt: string;
  readonly partsToDo: number;
  readonly isDone: boolean;
  readonly isKilled: boolean;
  /** What went wrong last; empty when nothing did. ClickHouse goes on trying. */
  readonly failure: string;
}

const QUESTION_TIMEOUT_MS = 10_000;

const structuresSql = loadSql(import.meta.url, 'queries/structures.sql');
const partsSql = loadSql(import.meta.url, 'queries/parts.sql');
const mutationsSql = loadSql(import.meta.url, 'queries/mutations.sql');

const structureRow = z.object({
  kind: z.enum(['projection', 'index']),
  name: z.string(),
  isAggregate: z.coerce.boolean(),
  bytes: z.coerce.number(),
});
const partRow = z.object({
  name: z.string(),
  partition: z.string(),
  minBlock: z.coerce.number(),
  maxBlock: z.coerce.number(),
  rows: z.coerce.number(),
  projections: z.array(z.string()),
});
const mutationRow = z.object({
  id: z.string(),
  command: z.string(),
  createdAt: z.string(),
  partsToDo: z.coerce.number(),
  isDone: z.coerce.boolean(),
  isKilled: z.coerce.boolean(),
  failure: z.string(),
});

/** The projections, then the indexes of a table, by name; none when there is no such table. */
export async function listRollups(of: RollupTable): Promise<Rollup[]> {
  const rows = await askSystem(of, structuresSql, structureRow);
  return rows
    .sort((a, b) => b.kind.localeCompare(a.kind) || a.name.localeCompare(b.name))
    .map(({ kind, name, isAggregate, bytes }) =>
      kind === 'projection' ? { kind, name, isAggregate } : { kind, name, bytes },
    );
}

/** The active parts. On a cluster, those of the replica that answers. */
export function listParts(of: RollupTable): Promise<Part[]> {
  return askSystem(of, partsSql, partRow);
}

/** Every MATERIALIZE that ClickHouse still knows of, the newest last. */
export async function listMutations(of: RollupTable): Promise<Mutation[]> {
  const rows = await askSystem(of, mutationsSql, mutationRow);
  return rows.flatMap(({ command, ...mutation }) => {
    const [, kind, name] = /MATERIALIZE (PROJECTION|INDEX) `?(\w+)`?/.exec(command) ?? [];
    if (name === undefined) return [];
    return [{ ...mutation, kind: kind === 'INDEX' ? 'index' : 'projection', name }];
  });
}

function askSystem<Row>({ client, database, table, signal }: RollupTable, sql: string, row: z.ZodType<Row>) {
  return ask(client, { sql, params: { database, table }, row, timeoutMs: QUESTION_TIMEOUT_MS, signal });
}
