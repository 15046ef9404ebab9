import { type Logger, MillraceError } from '@millrace/runtime';
import { type ClickHouseClient, type ClickHouseConnection, createClickHouse } from '@millrace/stores';
import type { AnalyticsSettings } from '../config.ts';
import type { AnalyticsMetrics } from '../metrics.ts';
import { createQuerySlots } from '../query/query-slots.ts';
import { createSqlPreparation, sqlDatabase } from './prepare-sql.ts';
import { createSqlRunner, type SqlRunner } from './run-sql.ts';

/** Apart from those of questions, which must not wait for what takes twenty seconds. */
const SLOTS = { total: 4, perWorkspace: 2, waitingPerWorkspace: 10, waitMs: 5_000 };

/** Opens what answers statements; without a password of their user every one is refused. */
export function openSql(options: {
  config: AnalyticsSettings;
  connection: ClickHouseConnection;
  application: ClickHouseClient;
  metrics: AnalyticsMetrics;
  log: Logger;
}): { readonly runner: SqlRunner; close(): Promise<void> } {
  const { config, connection, application, metrics, log } = options;
  const { CLICKHOUSE_SQL_USER: sqlUser, CLICKHOUSE_SQL_PASSWORD: password } = config;
  if (password === undefined || password === '') {
    return { runner: { run: refuse }, close: async () => undefined };
  }
  const target = {
    database: config.CLICKHOUSE_DATABASE,
    cluster: config.CLICKHOUSE_CLUSTER ?? '',
    sqlUser,
  };
  const database = sqlDatabase(target);
  const reader = createClickHouse({
    ...connection,
    username: sqlUser,
    password,
    database,
    uncompressed: true,
    maxConnections: 2 * SLOTS.total,
  });
  const prepare = createSqlPreparation({ application, reader, target, log });
  const slots = createQuerySlots(SLOTS);
  return {
    runner: createSqlRunner({ reader, application, prepare, slots, metrics, database, log }),
    close: () => reader.close(),
  };
}

// biome-ignore lint/correctness/useYield: it throws before there is anything to yield.
async function* refuse(): AsyncGenerator<Uint8Array> {
  throw new MillraceError(
    'unimplemented',
    'SQL is not set up here: see CLICKHOUSE_SQL_PASSWORD in docs/sql.md',
  );
}
