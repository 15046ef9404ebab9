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
export { encodeRows, eventOf, type Row } from './row-encoder.ts';
export { readEnvelope, type UnpackedItem, unpackEnvelope } from './unpack.ts';
