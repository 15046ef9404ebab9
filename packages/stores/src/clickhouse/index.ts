export type { ClickHouseClient } from '@clickhouse/client';
export { type ClickHouseConnection, clickHouseFrom, createClickHouse } from './client.ts';
export {
  createEventTable,
  type EventTable,
  type InsertOutcome,
  type ParkedItem,
} from './event-table.ts';
export { isUnreadableData, storeUnavailable } from './failure.ts';
export { ask, loadSql, type Question } from './query.ts';
