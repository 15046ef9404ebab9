import { randomUUID } from 'node:crypto';
import { type Logger, MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import { type LeaseOptions, withLease } from './lease.ts';
import { comparePending, type Ledger, openLedger } from './ledger.ts';
import { type Migration, type MigrationTarget, readMigrations } from './read-migrations.ts';

const STATEMENT_TIMEOUT_MS = 60_000;
/** On a cluster the server answers what it knows by then, before the request is given up. */
const DDL_TASK_TIMEOUT_SECONDS = 50;

/** What {@link migrate} needs. */
export interface MigrateOptions extends LeaseOptions {
  /** Needs no default database: this makes it. */
  readonly client: ClickHouseClient;
  /** Where the migrations are, if not in `sql/`. */
  readonly directory?: URL;
}

/** What {@link migrate} did. */
export interface Migrated {
  /** File names of the migrations that ran. */
  readonly applied: readonly string[];
  /** File names of those that were recorded without a checksum, and have one now. */
  readonly adopted: readonly string[];
}

const NOTHING: Migrated = { applied: [], adopted: [] };

/**
 * Brings the schema up to date. Forward only. One runner at a time, whichever process or replica it is in; every
 * statement can be repeated, so a migration that was cut off is simply run again.
 * Throws `failed_precondition` when the server is too old or an applied migration was edited, `unavailable` when the
 * store doesn't answer or the lease was lost.
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { client, target, log } = options;
  await requireServerSupport(client);
  const migrations = readMigrations(target, options.directory);
  const ledger = openLedger(client, target);
  // Most starts find everything done, and take no lease.
  const isNeeded = async () => {
    if ((await ledger.state()) !== 'current') return true;
    const { missing, unchecked } = comparePending(migrations, await ledger.applied());
    return missing.length + unchecked.length > 0;
  };
  if (!(await isNeeded())) return NOTHING;
  const founding = ledgerStatements(target);
  for (const statement of founding.create) await run(client, { query: statement, queryId: randomUUID() });
  const done = await withLease({ ...options, isNeeded }, async (lease) => {
    const queryId = () => `${lease.queryIdPrefix}${randomUUID()}`;
    if ((await ledger.state()) === 'old') {
      for (const query of founding.alter) await run(client, { query, queryId: queryId() });
    }
    const { missing, unchecked } = comparePending(migrations, await ledger.applied());
    await adopt(unchecked, { ledger, log });
    for (const migration of missing) {
      for (const query of migration.statements) {
        options.signal?.throwIfAborted();
        lease.requireHeld();
        await run(client, { query, queryId: queryId() });
      }
      lease.requireHeld();
      await ledger.record(migration);
      log.info({ number: migration.number, name: migration.name }, 'migration applied');
    }
    return { applied: missing.map(({ file }) => file), adopted: unchecked.map(({ file }) => file) };
  });
  return done ?? NOTHING;
}

async function adopt(unchecked: readonly Migration[], { ledger, log }: { ledger: Ledger; log: Logger }) {
  for (const migration of unchecked) {
    await ledger.adopt(migration);
    log.info({ number: migration.number, name: migration.name }, 'migration without a checksum adopted');
  }
}

/** The tables that the lease needs are made by whoever comes; what alters them waits for it. */
function ledgerStatements(target: MigrationTarget): { create: string[]; alter: string[] } {
  const all = readMigrations(target, new URL('ledger/', import.meta.url)).flatMap(
    ({ statements }) => statements,
  );
  const creates = (statement: string) => statement.startsWith('CREATE');
  return { create: all.filter(creates), alter: all.filter((statement) => !creates(statement)) };
}

async function run(
  client: ClickHouseClient,
  { query, queryId }: { query: string; queryId: string },
): Promise<void> {
  try {
    await client.command({
      query,
      query_id: queryId,
      abort_signal: AbortSignal.timeout(STATEMENT_TIMEOUT_MS),
      clickhouse_settings: {
        wait_end_of_query: 1,
        distributed_ddl_task_timeout: String(DDL_TASK_TIMEOUT_SECONDS),
      },
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

/** The first release that has `format_schema_source`, which the writer's inserts need. */
const OLDEST_CLICKHOUSE = '25.6';

const sql = loadSql(import.meta.url, 'queries/server-support.sql');
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
