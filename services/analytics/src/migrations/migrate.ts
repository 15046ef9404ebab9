import { type Logger, MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import { type MigrationTarget, readMigrations } from './read-migrations.ts';

const STATEMENT_TIMEOUT_MS = 60_000;
const QUESTION_TIMEOUT_MS = 10_000;

const appliedSql = loadSql(import.meta.url, 'applied.sql');
const recordSql = loadSql(import.meta.url, 'record.sql');
const appliedRow = z.object({ number: z.coerce.number() });

/**
 * Brings the schema up to date and returns how many migrations ran. Forward only. Every statement can be repeated, so
 * two replicas that start at once do no harm to each other, and one that was cut off is simply run again.
 * `client` needs no default database: this makes it.
 */
export async function migrate(options: {
  client: ClickHouseClient;
  target: MigrationTarget;
  log: Logger;
}): Promise<number> {
  const { client, target, log } = options;
  await requireServerSupport(client);
  const migrations = readMigrations(target);
  for (const statement of ledger(target)) await run(client, statement);
  const rows = await ask(client, {
    sql: appliedSql,
    params: { database: target.database },
    row: appliedRow,
    timeoutMs: QUESTION_TIMEOUT_MS,
  });
  const applied = new Set(rows.map((row) => row.number));
  const missing = migrations.filter((migration) => !applied.has(migration.number));
  for (const { number, name, statements } of missing) {
    for (const statement of statements) await run(client, statement);
    await run(client, recordSql, { database: target.database, number, name });
    log.info({ number, name }, 'migration applied');
  }
  return missing.length;
}

/** Where what was applied is recorded. */
function ledger(target: MigrationTarget): string[] {
  return readMigrations(target, new URL('ledger/', import.meta.url)).flatMap(({ statements }) => statements);
}

async function run(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown> = {},
): Promise<void> {
  try {
    await client.command({
      query,
      query_params: params,
      abort_signal: AbortSignal.timeout(STATEMENT_TIMEOUT_MS),
      clickhouse_settings: { wait_end_of_query: 1 },
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

/** The first release that has `format_schema_source`, which the writer's inserts need. */
const OLDEST_CLICKHOUSE = '25.6';

const sql = loadSql(import.meta.url, 'server-support.sql');
const supportRow = z.object({ version: z.string(), known: z.coerce.number() });

/** Throws `failed_precondition` when the server is too old to take events. */
async function requireServerSupport(client: ClickHouseClient): Promise<void> {
  const [row] = await ask(client, { sql, row: supportRow, timeoutMs: 10_000 });
  if (row && row.known > 0) return;
  throw new MillraceError(
    'failed_precondition',
    `ClickHouse ${row?.version ?? ''} does not know the setting format_schema_source: ${OLDEST_CLICKHOUSE} is the oldest release that works`,
  );
}
