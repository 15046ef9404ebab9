import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { Connection } from '@millrace/embedded';

/** Reads a stack's ClickHouse as the user who may read everything and write nothing. */
export interface Inspector {
  /** Rows as JSON values; 64-bit integers are strings. Parameters are written `{name:Type}`. */
  rows(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Opens an inspector on a stack's ClickHouse. */
export function createInspector(clickhouse: Connection['clickhouse']): Inspector {
  const client = createClient({
    url: clickhouse.url,
    username: clickhouse.username,
    password: clickhouse.password,
    database: clickhouse.database,
    request_timeout: 10_000,
    // What fails is thrown; a test that waits for a table would fill the report.
    log: { level: ClickHouseLogLevel.OFF },
    // An open connection makes the engine wait for it when it stops.
    keep_alive: { enabled: false },
  });
  return {
    async rows(sql, params = {}) {
      const result = await client.query({ query: sql, query_params: { ...params }, format: 'JSONEachRow' });
      return result.json<Record<string, unknown>>();
    },
    close: () => client.close(),
  };
}
