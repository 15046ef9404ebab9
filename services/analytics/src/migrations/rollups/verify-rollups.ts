import { MillraceError } from '@millrace/runtime';
import { ask, loadSql } from '@millrace/stores';
import { z } from 'zod';
import { type RollupShape, readShape } from './rollup-shape.ts';
import { listParts, listRollups, type Part, type RollupTable } from './rollups.ts';

/** What became of one projection. */
export interface RollupVerdict {
  readonly projection: string;
  /** How many parts and rows were compared, and how many have no such projection: they are read row by row. */
  readonly compared: Amount;
  readonly without: Amount;
  readonly differences: readonly RollupDifference[];
}

/** A part whose projection says something else than its rows. */
export interface RollupDifference {
  readonly part: string;
  /** A few keys with what the rows and what the projection say of them, or why it can't be read. */
  readonly examples: readonly string[];
}

interface Amount {
  readonly parts: number;
  readonly rows: number;
}

/** How far it is; parts that are merged meanwhile are compared again in the part that they became. */
export type VerifyProgress = (now: { projection: string; partsDone: number; partsTotal: number }) => void;

/** After so many rounds the table is merged faster than it is compared. */
const MAX_ROUNDS = 20;
const READ_TIMEOUT_MS = 600_000;
const EXAMPLES = 3;
/** A read as gentle as it can be: it runs beside inserts and questions. */
const GENTLY = { max_threads: 2, max_bytes_before_external_group_by: String(256 * 1024 ** 2) };
/** ClickHouse's codes for a part that is damaged on disk. */
const DAMAGED = new Set(['32', '33', '39', '40', '107', '117', '246', '271', '740']);

const digestSql = loadSql(import.meta.url, 'queries/digest.sql');
const entriesSql = loadSql(import.meta.url, 'queries/entries.sql');
const digestRow = z.object({ bucket: z.number(), entries: z.string(), digest: z.string() });
const entryRow = z.object({ key: z.string(), value: z.string() });

/**
 * Compares every projection of a table with its rows, all workspaces, part by part: a part never changes, so inserts and
 * merges beside it falsify nothing. Throws `aborted` when the table is merged faster than it can be read.
 */
export async function verifyRollups(of: RollupTable, onProgress?: VerifyProgress): Promise<RollupVerdict[]> {
  const verdicts: RollupVerdict[] = [];
  for (const rollup of await listRollups(of)) {
    if (rollup.kind !== 'projection') continue;
    const shape = await readShape(of, rollup);
    verdicts.push(await verifyOne({ of, projection: rollup.name, shape, onProgress }));
  }
  return verdicts;
}

interface Comparison {
  readonly of: RollupTable;
  readonly projection: string;
  readonly shape: RollupShape;
  readonly onProgress?: VerifyProgress | undefined;
}

async function verifyOne(comparison: Comparison): Promise<RollupVerdict> {
  const { of, projection, onProgress } = comparison;
  let compared: Part[] = [];
  let without: Part[] = [];
  const differences: RollupDifference[] = [];
  let todo = (await listParts(of)).filter(({ rows }) => rows > 0);
  for (let round = 0; todo.length > 0; round++) {
    if (round === MAX_ROUNDS) {
      throw new MillraceError('aborted', `${projection}: parts are merged faster than they can be compared`);
    }
    const gone: Part[] = [];
    for (const [index, part] of todo.entries()) {
      of.signal?.throwIfAborted();
      onProgress?.({ projection, partsDone: index, partsTotal: todo.length });
      const has = part.projections.includes(projection);
      const outcome = has ? await comparePart(comparison, part) : 'without';
      if (outcome === 'gone') gone.push(part);
      else {
        // What became one part with others that had been compared is not counted again.
        compared = compared.filter((one) => !holds(part, one));
        without = without.filter((one) => !holds(part, one));
        (outcome === 'without' ? without : compared).push(part);
      }
      if (typeof outcome === 'object') differences.push(outcome);
    }
    todo =
      gone.length === 0 ? [] : (await listParts(of)).filter((part) => gone.some((old) => holds(part, old)));
  }
  return { projection, compared: amountOf(compared), without: amountOf(without), differences };
}

function amountOf(parts: readonly Part[]): Amount {
  return { parts: parts.length, rows: parts.reduce((sum, { rows }) => sum + rows, 0) };
}

/** Whether a part has taken another's place. */
function holds(part: Part, old: Part): boolean {
  return (
    part.rows > 0 &&
    part.partition === old.partition &&
    part.minBlock <= old.minBlock &&
    part.maxBlock >= old.maxBlock
  );
}

async function comparePart(comparison: Comparison, part: Part): Promise<'equal' | 'gone' | RollupDifference> {
  try {
    const rows = await digest(comparison, part, 'fromRows');
    const rollup = await digest(comparison, part, 'fromProjection');
    const buckets = new Set([...rows.keys(), ...rollup.keys()]);
    const differing = [...buckets].find((bucket) => rows.get(bucket) !== rollup.get(bucket));
    if (differing === undefined) return buckets.size === 0 ? 'gone' : 'equal';
    const examples = await findExamples(comparison, part, differing);
    // Only a part that is still there was there for both reads.
    return (await isActive(comparison.of, part)) ? { part: part.name, examples } : 'gone';
  } catch (error) {
    const damage = damageIn(error);
    if (damage === undefined) throw error;
    return (await isActive(comparison.of, part))
      ? { part: part.name, examples: [`can not be read: ${damage}`] }
      : 'gone';
  }
}

async function isActive(of: RollupTable, { name }: Part): Promise<boolean> {
  return (await listParts(of)).some((part) => part.name === name);
}

/** Sums of hashes by bucket of the key: what differs is then looked for in one bucket only. */
async function digest(
  comparison: Comparison,
  part: Part,
  side: keyof RollupShape,
): Promise<Map<number, string>> {
  const rows = await read(comparison, part, { sql: digestSql, side, row: digestRow });
  return new Map(rows.map(({ bucket, entries, digest }) => [bucket, `${entries}/${digest}`]));
}

async function findExamples(comparison: Comparison, part: Part, bucket: number): Promise<string[]> {
  const question = { sql: entriesSql, row: entryRow, params: { bucket } };
  const rows = await read(comparison, part, { ...question, side: 'fromRows' });
  const rollup = await read(comparison, part, { ...question, side: 'fromProjection' });
  const [rowsByKey, rollupByKey] = [Map.groupBy(rows, keyOf), Map.groupBy(rollup, keyOf)];
  return [...new Set([...rowsByKey.keys(), ...rollupByKey.keys()])]
    .map((key) => [key, describe(rowsByKey.get(key)), describe(rollupByKey.get(key))] as const)
    .filter(([, fromRows, fromRollup]) => fromRows !== fromRollup)
    .slice(0, EXAMPLES)
    .map(([key, fromRows, fromRollup]) => `${key}: the rows say ${fromRows}, the projection ${fromRollup}`);
}

function keyOf({ key }: { key: string }): string {
  return key;
}

/** What one side has of a key: the values of an aggregate, or only how often it is there. */
function describe(entries: readonly { value: string }[] = []): string {
  const values = new Set(entries.map(({ value }) => value).filter((value) => value !== '()'));
  if (values.size > 0) return [...values].join(' and ');
  if (entries.length === 0) return 'nothing';
  return entries.length === 1 ? 'an entry' : `${entries.length} entries`;
}

function read<Row>(
  { of, projection, shape }: Comparison,
  part: Part,
  question: {
    sql: string;
    side: keyof RollupShape;
    row: z.ZodType<Row>;
    params?: Record<string, unknown>;
  },
): Promise<Row[]> {
  const { client, database, table, signal } = of;
  return ask(client, {
    sql: question.sql.replace('{{side}}', () => shape[question.side]),
    params: { ...question.params, database, table, projection, part: part.name },
    row: question.row,
    timeoutMs: READ_TIMEOUT_MS,
    signal,
    settings: { ...GENTLY, optimize_use_projections: 0, optimize_use_implicit_projections: 0 },
  });
}

function damageIn(error: unknown): string | undefined {
  const cause = error instanceof MillraceError ? error.cause : undefined;
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return undefined;
  return DAMAGED.has(cause.code) ? cause.message : undefined;
}
