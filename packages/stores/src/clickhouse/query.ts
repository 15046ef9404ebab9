import { readFileSync } from 'node:fs';
import { type ClickHouseClient, ClickHouseError, type ClickHouseSettings } from '@clickhouse/client';
import { MillraceError } from '@millrace/runtime';
import type { z } from 'zod';

/** Reads a query that lies beside a module: `loadSql(import.meta.url, 'queries/position.sql')`. */
export function loadSql(moduleUrl: string, path: string): string {
  return readFileSync(new URL(path, moduleUrl), 'utf8');
}

/** A question to ClickHouse. */
export interface Question<Row> {
  readonly sql: string;
  readonly params?: Record<string, unknown>;
  readonly row: z.ZodType<Row>;
  /** Milliseconds; the server gives up then too. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly settings?: ClickHouseSettings | undefined;
}

/** ClickHouse goes on with a statement that nobody waits for, unless it is told to end and the statement may only read. */
export const ENDS_WITH_CLIENT = {
  cancel_http_readonly_queries_on_client_close: 1,
  readonly: '1',
} as const satisfies ClickHouseSettings;

/** Asks, and parses every row. 64-bit integers arrive as strings. Throws `unavailable` when no answer comes. */
export async function ask<Row>(client: ClickHouseClient, question: Question<Row>): Promise<Row[]> {
  const deadline = AbortSignal.timeout(question.timeoutMs);
  let rows: unknown[];
  try {
    const result = await client.query({
      query: question.sql,
      format: 'JSONEachRow',
      query_params: question.params ?? {},
      // In the body: as a part of the address a long parameter would be refused.
      use_multipart_params: true,
      abort_signal: question.signal ? AbortSignal.any([deadline, question.signal]) : deadline,
      clickhouse_settings: {
        ...question.settings,
        ...ENDS_WITH_CLIENT,
        max_execution_time: Math.ceil(question.timeoutMs / 1000),
        output_format_json_quote_64bit_integers: 1,
      },
    });
    rows = await result.json();
  } catch (error) {
    throw storeUnavailable(error);
  }
  return rows.map((row) => question.row.parse(row));
}

/**
 * ClickHouse's codes for data that it can't read. A body that was cut off on the way gives some of them too,
 * so they accuse a row but don't convict it.
 */
const UNREADABLE_DATA = new Set([
  '6', // CANNOT_PARSE_TEXT
  '26', // CANNOT_PARSE_QUOTED_STRING
  '27', // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  '32', // ATTEMPT_TO_READ_AFTER_EOF
  '33', // CANNOT_READ_ALL_DATA
  '38', // CANNOT_PARSE_DATE
  '41', // CANNOT_PARSE_DATETIME
  '53', // TYPE_MISMATCH
  '69', // ARGUMENT_OUT_OF_BOUND
  '70', // CANNOT_CONVERT_TYPE
  '72', // CANNOT_PARSE_NUMBER
  '117', // INCORRECT_DATA
  '128', // TOO_LARGE_ARRAY_SIZE
  '131', // TOO_LARGE_STRING_SIZE
  '321', // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  '407', // DECIMAL_OVERFLOW
  '436', // PROTOBUF_BAD_CAST
  '444', // UNKNOWN_PROTOBUF_FORMAT
]);

/** Whether ClickHouse complains about the data rather than about itself. */
export function isUnreadableData(error: unknown): error is ClickHouseError {
  return error instanceof ClickHouseError && UNREADABLE_DATA.has(error.code);
}

/** A failed request as `unavailable`: what ClickHouse said is the cause and is never shown to a caller. */
export function storeUnavailable(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the event store can not be reached', { cause });
}

/** A limit of ClickHouse's: `memory` is that of the question, `store` what all of the server's work shares. */
export type ExceededLimit = 'time' | 'memory' | 'store' | 'result' | 'queries';

const LIMITS: Readonly<Record<string, ExceededLimit>> = {
  '158': 'result', // TOO_MANY_ROWS
  '159': 'time', // TIMEOUT_EXCEEDED
  '160': 'time', // TOO_SLOW
  '202': 'queries', // TOO_MANY_SIMULTANEOUS_QUERIES
  '241': 'memory', // MEMORY_LIMIT_EXCEEDED
  '307': 'result', // TOO_MANY_BYTES
  '396': 'result', // TOO_MANY_ROWS_OR_BYTES
};
/** How the server words that not the question but all together take too much memory. */
const MEMORY_OF_ALL = /\((total|for user)\)|OvercommitTracker/i;

/** Which limit a question has met, where that is why it failed. */
export function exceededLimit(error: unknown): ExceededLimit | undefined {
  if (!(error instanceof ClickHouseError)) return undefined;
  const limit = LIMITS[error.code];
  return limit === 'memory' && MEMORY_OF_ALL.test(error.message) ? 'store' : limit;
}

/** The store has all it can do: another question may be answered, or the same one later. */
export function storeIsFull(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the event store has no memory to spare, try again', { cause });
}

/** Whether ClickHouse has understood a request and refuses the statement, and not because it met a limit. */
export function isRefusal(error: unknown): boolean {
  const cause = error instanceof MillraceError ? error.cause : error;
  return cause instanceof ClickHouseError && exceededLimit(cause) === undefined;
}
