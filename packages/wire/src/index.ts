export { type EventFields, encodeEvent } from './encode-event.ts';
export {
  bodyHash,
  dedupKey,
  type EnvelopeContents,
  type EnvelopeItem,
  frameItem,
  frameTraceparent,
  MAX_EVENT_BYTES,
  MAX_ITEM_BYTES,
  MAX_PARCEL_BYTES,
  type NewItem,
  NO_BODY_HASH,
  varintLength,
  writeVarint,
} from './envelope.ts';
export { compileEventFilter, type EventFilter, type FilteredEvent } from './filter/event-filter.ts';
export { COLUMN_FIELDS, type Field, parseField } from './filter/field.ts';
export { memberAt } from './filter/json-document.ts';
export { type Condition, type OneOf, readFilter } from './filter/read-filter.ts';
export {
  MAX_SLOT_BYTES,
  PROPERTY_SLOTS,
  type PropertyPlan,
  type PropertySlot,
  UNKNOWN_TEXT,
} from './property-fields.ts';
export {
  deadLetterIdentity,
  type ReadEvent,
  readDedupKey,
  readEvent,
  readTypeAndUser,
} from './read-event.ts';
export { encodeRows, eventOf, type Row } from './row-encoder.ts';
export { before, behind, isFurther, nextSeq, type Position, WHOLE } from './stream/position.ts';
export { createRecentKeys, type RecentKeys } from './stream/recent-keys.ts';
export { RecentMessages } from './stream/recent-messages.ts';
export { type StreamedMessage, wantedEvents } from './stream/wanted-events.ts';
export { readEnvelope, type UnpackedItem, unpackEnvelope } from './unpack.ts';
