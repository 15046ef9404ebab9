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
export { createPublisher, type Publication, type Publisher } from './event-log/publisher.ts';
export {
  DEAD_LETTERS_STREAM,
  EVENTS_STREAM,
  type Shard,
  shardNumber,
  shardOfKey,
  shardSubject,
} from './event-log/shards.ts';
export { type StreamRoom, watchStreamRoom } from './event-log/stream-room.ts';
export { ensureEventStreams, type StreamSettings } from './event-log/streams.ts';
export { connectNats } from './nats/connect.ts';
export { connectRedis, type Redis } from './redis/connect.ts';
export {
  type RememberedEvent,
  type RememberedEvents,
  redisRememberedEvents,
} from './redis/remembered-events.ts';
