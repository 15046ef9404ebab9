import { MillraceError } from '@millrace/runtime';
import { ask, loadSql } from '@millrace/stores';
import { z } from 'zod';
import type { RollupTable } from './rollups.ts';

/** The same figures asked in two ways: SELECTs of `rollupKey` and `rollupValue`, for one `part`. */
export interface RollupShape {
  readonly fromRows: string;
  readonly fromProjection: string;
}

const QUESTION_TIMEOUT_MS = 10_000;

const columnsSql = loadSql(import.meta.url, 'queries/columns.sql');
const fromRowsSql = loadSql(import.meta.url, 'queries/from-rows.sql');
const fromProjectionSql = loadSql(import.meta.url, 'queries/from-projection.sql');
const columnRow = z.object({ name: z.string(), type: z.string() });

/** As in `AggregateFunction(max, UInt64)`, `AggregateFunction(quantiles(0.5, 0.9), Float64)`. */
const AGGREGATE = /^AggregateFunction\((?:\d+, )?(\w+)(\([^)]*\))?/;

/**
 * Reads from a projection's columns how to compare it, so that a new one needs nothing said about it: a column is named
 * by its expression over the rows, and its type tells whether it is a state to be merged.
 */
export async function readShape(
  { client, database, table, signal }: RollupTable,
  { name: projection, isAggregate }: { name: string; isAggregate: boolean },
): Promise<RollupShape> {
  const columns = await ask(client, {
    sql: columnsSql,
    params: { database, table, projection },
    row: columnRow,
    timeoutMs: QUESTION_TIMEOUT_MS,
    signal,
  });
  const keys = columns.filter(({ type }) => !type.startsWith('AggregateFunction('));
  const values = columns.filter(({ type }) => type.startsWith('AggregateFunction('));
  const [plainKeys, storedKeys] = [keys.map(({ name }) => name), keys.map(({ name }) => quoted(name))];
  return {
    fromRows: fillIn(fromRowsSql, { keys: plainKeys, values: values.map(({ name }) => name), isAggregate }),
    fromProjection: fillIn(fromProjectionSql, { keys: storedKeys, values: values.map(merged), isAggregate }),
  };
}

function merged({ name, type }: { name: string; type: string }): string {
  const [, aggregate, parameters = ''] = AGGREGATE.exec(type) ?? [];
  if (aggregate === undefined) {
    throw new MillraceError('unimplemented', `a projection's column of the type ${type} can not be compared`);
  }
  return `${aggregate}Merge${parameters}(${quoted(name)})`;
}

/** A name as an identifier of SQL. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function fillIn(
  sql: string,
  { keys, values, isAggregate }: { keys: string[]; values: string[]; isAggregate: boolean },
): string {
  const group = isAggregate && keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : '';
  return sql
    .replace('{{keys}}', () => keys.join(', '))
    .replace('{{values}}', () => values.join(', '))
    .replace('{{group}}', () => group);
}
