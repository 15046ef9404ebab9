export { type AuditLog, type Deed, openAuditLog } from './audit-log/audit-log.ts';
export { type AuditDelivery, type AuditReader, openAuditReader } from './audit-log/audit-reader.ts';
export { AUDIT_STREAM, AUDIT_SUBJECT, ensureAuditStream } from './audit-log/stream.ts';
export {
  ask,
  type ClickHouseClient,
  type ClickHouseConnection,
  createClickHouse,
  createEventTable,
  type EventTable,
  type InsertOutcome,
  isUnreadableData,
  loadSql,
  type MigrationTarget,
  migrate,
  OLDEST_CLICKHOUSE,
  type ParkedItem,
  type Question,
  requireServerSupport,
  storeUnavailable,
} from './clickhouse/index.ts';
export { deadLetterSubject } from './event-log/dead-letters.ts';
export {
  DEDUP_KEY_BYTES,
  type EnvelopeContents,
  type EnvelopeItem,
  frameItem,
  frameTraceparent,
  type NewItem,
  readEnvelope,
  varintLength,
  writeVarint,
} from './event-log/envelope.ts';
export { type EventLog, openEventLog } from './event-log/event-log.ts';
export { type Lease, type Leases, openLeases } from './event-log/leases.ts';
export { readNewestMessages } from './event-log/newest-messages.ts';
export { openPositions, type Positions, type ReaderPosition } from './event-log/positions.ts';
export { createPublisher, type Publication, type Publisher } from './event-log/publisher.ts';
export { type LogReader, openLogReader } from './event-log/reader.ts';
export {
  DEAD_LETTERS_STREAM,
  EVENTS_STREAM,
  type Shard,
  shardNumber,
  shardOfKey,
  shardSubject,
} from './event-log/shards.ts';
export type { StreamMessage } from './event-log/stream-message.ts';
export { type StreamRoom, watchStreamRoom } from './event-log/stream-room.ts';
export { ensureEventStreams, type StreamSettings } from './event-log/streams.ts';
export {
  openRecords,
  type RecordChange,
  type Records,
  type Versioned,
  type WriteOutcome,
} from './kv/index.ts';
export { connectNats, type NatsConnection } from './nats/connect.ts';
export { createLocalQuotas } from './quotas/local-quotas.ts';
export { createRateLimiter, type RateLimiter } from './quotas/rate-limiter.ts';
export { createRedisQuotas, type Quota, type QuotaStanding } from './quotas/redis-quotas.ts';
export { connectRedis, type Redis } from './redis/connect.ts';
export { createRedisClaims, type RedisClaimOutcome, type RedisClaims } from './redis/redis-claims.ts';
export {
  type RememberedEvent,
  type RememberedEvents,
  redisRememberedEvents,
} from './redis/remembered-events.ts';
