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
} from './envelope.ts';
export {
  MAX_SLOT_BYTES,
  PROPERTY_SLOTS,
  type PropertyPlan,
  type PropertySlot,
  UNKNOWN_TEXT,
} from './property-fields.ts';
export { deadLetterIdentity, type ReadEvent, readEvent, readTypeAndUser } from './read-event.ts';
export { encodeRows, eventOf, type Row } from './row-encoder.ts';
export { readEnvelope, type UnpackedItem, unpackEnvelope } from './unpack.ts';
