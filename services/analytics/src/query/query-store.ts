import { FileFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { fieldError, MillraceError } from '@millrace/runtime';
import {
  type ClickHouseClient,
  type ClickHouseSettings,
  ENDS_WITH_CLIENT,
  exceededLimit,
  storeIsFull,
  storeUnavailable,
} from '@millrace/stores';
import type { AnalyticsMetrics } from '../metrics.ts';
import { askRollups } from '../rollup-tables.ts';
import type { QuerySlots } from './query-slots.ts';
import { type PropertyColumns, type Statement, unreadColumns } from './statement.ts';

/** What stands in a cell of an answer. */
export type Cell = string | number | boolean | null | readonly Cell[];

/** Asks ClickHouse statements, within limits. Throws MillraceError `invalid_argument`, `resource_exhausted` or `unavailable`. */
export interface QueryStore {
  rows(workspaceId: string, statement: Statement, signal: AbortSignal): Promise<readonly (readonly Cell[])[]>;
  /** The rows as a file, its columns named as the statement names them. */
  file(
    workspaceId: string,
    statement: Statement,
    format: FileFormat.CSV | FileFormat.PARQUET,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
}

/**
 * The statement that takes what it can from the columns of properties, or where a row among those that it reads has not been filled
 * the one that parses them all.
 */
export async function readableStatement(
  store: QueryStore,
  workspaceId: string,
  properties: PropertyColumns,
  compile: (properties: PropertyColumns) => Statement,
  signal: AbortSignal,
): Promise<Statement> {
  const statement = compile(properties);
  const { unfilled } = statement;
  if (unfilled === undefined) return statement;
  const rows = await store.rows(workspaceId, { ...statement, sql: unfilled }, signal);
  return rows.length === 0 ? statement : compile(unreadColumns(properties));
}

const TIMEOUT_SECONDS = 20;
const MAX_MEMORY_BYTES = 1024 ** 3;
const MAX_FILE_BYTES = 4 * 1024 * 1024;

const SETTINGS = {
  max_execution_time: TIMEOUT_SECONDS,
  max_memory_usage: String(MAX_MEMORY_BYTES),
  max_result_bytes: String(MAX_FILE_BYTES),
  result_overflow_mode: 'throw',
  output_format_json_quote_64bit_integers: 0,
  // Times as RFC 3339.
  date_time_output_format: 'iso',
  // The other parser gives up a whole payload over one integer beyond 64 bits.
  allow_simdjson: 0,
  // Numbers that have an exponent to their last digit.
  precise_float_parsing: 1,
  // Weeks and months of any year that an event may have.
  enable_extended_results_for_datetime_functions: 1,
  ...ENDS_WITH_CLIENT,
} as const;

/** Asks through a client. */
export function createQueryStore(options: {
  client: ClickHouseClient;
  slots: QuerySlots;
  metrics: AnalyticsMetrics;
}): QueryStore {
  const { client, slots, metrics } = options;
  const ask = <T>(
    workspaceId: string,
    read: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> =>
    slots.run(
      workspaceId,
      () =>
        metrics.timed('query', async () => {
          const deadline = AbortSignal.timeout((TIMEOUT_SECONDS + 2) * 1_000);
          try {
            return await read(AbortSignal.any([signal, deadline]));
          } catch (error) {
            throw failureOf(error);
          }
        }),
      signal,
    );

  return {
    rows: (workspaceId, statement, signal) =>
      ask(
        workspaceId,
        (abort_signal) =>
          filledIn(statement, statement.sql, async (query, settings) => {
            const answer = await client.query({
              query,
              query_params: { ...statement.params },
              format: 'JSONCompactEachRow',
              use_multipart_params: true,
              abort_signal,
              clickhouse_settings: { ...SETTINGS, ...settings },
            });
            return answer.json<Cell[]>();
          }),
        signal,
      ),
    file: (workspaceId, statement, format, signal) => {
      const { sql, params, columns } = statement;
      const renamed = columns.map(({ name }, i) => `c${i} AS ${identifier(name)}`).join(', ');
      const answer = `(${sql}) AS answer(${columns.map((_, i) => `c${i}`).join(', ')})`;
      const query = `SELECT ${renamed} FROM ${answer} FORMAT ${format === FileFormat.CSV ? 'CSVWithNames' : 'Parquet'}`;
      return ask(
        workspaceId,
        (abort_signal) =>
          filledIn(statement, query, async (text, settings) => {
            const result = await client.exec({
              query: text,
              query_params: { ...params },
              use_multipart_params: true,
              abort_signal,
              clickhouse_settings: { ...SETTINGS, ...settings },
            });
            const chunks: Buffer[] = [];
            for await (const chunk of result.stream) chunks.push(chunk);
            return Buffer.concat(chunks);
          }),
        signal,
      );
    },
  };
}

/** Asks a statement, through the rollups where it names some. */
function filledIn<T>(
  { readsRollups, readsJson }: Statement,
  sql: string,
  ask: (sql: string, settings: ClickHouseSettings) => Promise<T>,
): Promise<T> {
  // To look for a projection that fits would cost more than a small question itself.
  if (!readsRollups) return ask(sql, readsJson ? { optimize_use_projections: 0 } : {});
  // With extended results a question over hours fits no projection.
  return askRollups(sql, (text, settings) =>
    ask(text, { ...settings, enable_extended_results_for_datetime_functions: 0 }),
  );
}

/** A name as a client gave it: in hex, since a parameter that is an identifier keeps the escapes of its way here. */
function identifier(name: string): string {
  const hex = Buffer.from(name).toString('hex').replaceAll(/../g, '\\x$&');
  return `\`${hex}\``;
}

function failureOf(error: unknown): MillraceError {
  switch (exceededLimit(error)) {
    case 'time':
      return fieldError(
        'query',
        `takes more than ${TIMEOUT_SECONDS} s; ask for a shorter window or narrow the filter`,
      );
    case 'memory':
      return fieldError(
        'query',
        'takes too much memory; ask for a shorter window or for fields with fewer values',
      );
    case 'store':
      return storeIsFull(error);
    case 'result':
      return fieldError('query', 'has too large an answer; ask for fewer rows');
    case 'queries':
      return new MillraceError('resource_exhausted', 'too many questions at once, try again', {
        cause: error,
      });
    case undefined:
      return storeUnavailable(error);
  }
}
