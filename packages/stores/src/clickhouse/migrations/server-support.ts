import type { ClickHouseClient } from '@clickhouse/client';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { ask, loadSql } from '../query.ts';

/** The first release that has `format_schema_source`, which the writer's inserts need. */
export const OLDEST_CLICKHOUSE = '25.6';

const sql = loadSql(import.meta.url, 'server-support.sql');
const supportRow = z.object({ version: z.string(), known: z.coerce.number() });

/** Throws `failed_precondition` when the server is too old to take events. */
export async function requireServerSupport(client: ClickHouseClient): Promise<void> {
  const [row] = await ask(client, { sql, row: supportRow, timeoutMs: 10_000 });
  if (row && row.known > 0) return;
  throw new MillraceError(
    'failed_precondition',
    `ClickHouse ${row?.version ?? ''} does not know the setting format_schema_source: ${OLDEST_CLICKHOUSE} is the oldest release that works`,
  );
}
