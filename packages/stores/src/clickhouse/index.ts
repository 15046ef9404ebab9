export type { ClickHouseClient } from '@clickhouse/client';
export { type ClickHouseConnection, clickHouseFrom, createClickHouse } from './client.ts';
export {
  createEventTable,
  type EventTable,
  type InsertOutcome,
  type ParkedItem,
} from './event-table.ts';
export { ask, exceededLimit, isUnreadableData, loadSql, type Question, storeUnavailable } from './query.ts';
