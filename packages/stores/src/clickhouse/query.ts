import { readFileSync } from 'node:fs';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import type { z } from 'zod';
import { storeUnavailable } from './failure.ts';

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
