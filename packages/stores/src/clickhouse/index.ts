export type { ClickHouseClient } from '@clickhouse/client';
export { type ClickHouseConnection, createClickHouse } from './client.ts';
export {
  createEventTable,
  type EventTable,
  type InsertOutcome,
  type ParkedItem,
} from './event-table.ts';
export { isUnreadableData, storeUnavailable } from './failure.ts';
export { migrate } from './migrations/migrate.ts';
export type { MigrationTarget } from './migrations/read-migrations.ts';
export { OLDEST_CLICKHOUSE, requireServerSupport } from './migrations/server-support.ts';
export { ask, loadSql, type Question } from './query.ts';
