export { type ClickHouseClient, ClickHouseError, type ClickHouseSettings } from '@clickhouse/client';
export {
  type AttemptInserter,
  type AttemptRow,
  createAttemptInserter,
} from './clickhouse/attempt-inserter.ts';
export { type ClickHouseConnection, clickHouseFrom, createClickHouse } from './clickhouse/client.ts';
export {
  createEventTable,
  type EventTable,
  type InsertOutcome,
  type ParkedItem,
} from './clickhouse/event-table.ts';
export {
  ask,
  ENDS_WITH_CLIENT,
  type ExceededLimit,
  exceededLimit,
  isRefusal,
  isUnreadableData,
  loadSql,
  type Question,
  storeIsFull,
  storeUnavailable,
} from './clickhouse/query.ts';
export { type AuditErasing, openAuditErasing } from './nats/audit-log/audit-erasing.ts';
export {
  AUDIT_STREAM,
  AUDIT_SUBJECT,
  type AuditLog,
  ensureAuditStream,
  type NewAuditEntry,
  openAuditLog,
} from './nats/audit-log/audit-log.ts';
export { type AuditDelivery, type AuditReader, openAuditReader } from './nats/audit-log/audit-reader.ts';
export { connectNats, type NatsConnection, type NatsIdentity } from './nats/connect.ts';
export {
  type ErasableEvent,
  type ErasedUsers,
  followErasedUsers,
  openErasedUsers,
} from './nats/erased-users.ts';
export type { StreamMessage } from './nats/event-log/direct-reads.ts';
export { openStreamErasing, type StreamErasing } from './nats/event-log/erasing.ts';
export {
  type EventFeed,
  type FeedRange,
  type FeedState,
  openEventFeed,
} from './nats/event-log/event-feed.ts';
export { type EventLog, openEventLog } from './nats/event-log/event-log.ts';
export { type Lease, type Leases, openLeases } from './nats/event-log/leases.ts';
export { readNewestMessages } from './nats/event-log/newest-messages.ts';
export { openPositions, type Positions, type ReaderPosition } from './nats/event-log/positions.ts';
export { createPublisher, type Publication, type Publisher } from './nats/event-log/publisher.ts';
export { type LogReader, openLogReader } from './nats/event-log/reader.ts';
export {
  DEAD_LETTERS_STREAM,
  deadLetterSubject,
  EVENTS_STREAM,
  ensureEventStreams,
  type Shard,
  type StreamRoom,
  type StreamSettings,
  shardNumber,
  shardOfKey,
  shardSubject,
  watchStreamRoom,
} from './nats/event-log/streams.ts';
export type { WriteOutcome } from './nats/kv/bucket.ts';
export type { RecordChange, Versioned } from './nats/kv/record-table.ts';
export { openRecords, type Records } from './nats/kv/records.ts';
export {
  openProperties,
  type Properties,
  type Property,
  type PropertyOutcome,
  type PropertyWish,
} from './nats/properties.ts';
export { type NatsLimits, watchNatsLimits } from './nats/server-limits.ts';
export { type Cursors, ENDPOINT_GROUPS, type GroupCursors, openCursors } from './nats/webhooks/cursors.ts';
export {
  DELIVERIES_STREAM,
  type DeliveryQueue,
  deliverySubject,
  openDeliveryQueue,
  type QueuedDelivery,
} from './nats/webhooks/delivery-queue.ts';
export {
  openRetries,
  RETRIES_STREAM,
  type Retries,
  type Retry,
  type RetryFeed,
  type StoredRetry,
} from './nats/webhooks/retries.ts';
export {
  newWorkspaceDeletion,
  openWorkspaceDeletions,
  removeOwned,
  removeWorkspaceRecords,
  type WorkspaceDeletionRecord,
} from './nats/workspace-deletions.ts';
export { createLocalQuotas, createRateLimiter, type RateLimiter } from './quotas/rate-limiter.ts';
export { createRedisQuotas, type Quota, type QuotaStanding } from './quotas/redis-quotas.ts';
export { type ByteCache, createLocalByteCache, createRedisByteCache } from './redis/byte-cache.ts';
export { connectRedis, openRedis, type Redis } from './redis/connect.ts';
export {
  type KnownEvent,
  type KnownEvents,
  redisKnownEvents,
} from './redis/known-events.ts';
export { type HoldOutcome, redisKnownKeys, type SharedKnownKeys } from './redis/known-keys.ts';
