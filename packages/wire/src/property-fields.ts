import { varintLength, writeVarint } from './envelope.ts';
import { type JsonDocument, memberAt, readDocument } from './filter/json-document.ts';
import { Walk } from './unpack.ts';

/** An event in the bytes of its message. */
export interface EventBytes {
  readonly data: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Where a property's values are kept, and where in an event they come from. */
export interface PropertySlot {
  readonly root: 'payload' | 'metadata';
  /** Member names, and indexes from 0. */
  readonly keys: readonly (string | number)[];
  /** `text` has a text of every value, `number` what is a number. */
  readonly kind: 'text' | 'number';
  /** 1 to {@link PROPERTY_SLOTS} of its kind. */
  readonly slot: number;
}

/** What to keep of a workspace's events. */
export interface PropertyPlan {
  /** Grows with every change; stands in each row that was written by the plan. */
  readonly version: number;
  readonly slots: readonly PropertySlot[];
}

/** Slots of each kind that a row has. */
export const PROPERTY_SLOTS = 8;
/** Longest text that is kept in a slot, in bytes of UTF-8. */
export const MAX_SLOT_BYTES = 1_024;
/** Stands in a text slot for a value that has to be read from the JSON; NaN does in a number slot. */
export const UNKNOWN_TEXT = '\0';

const VERSION_FIELD = 20;
const TEXT_FIELD = VERSION_FIELD;
const NUMBER_FIELD = TEXT_FIELD + PROPERTY_SLOTS;
/** Tags of the event's fields that are read here: number × 8 + wire type. */
const WORKSPACE_TAG = 0x0a;
const PAYLOAD_TAG = 0x62;
const METADATA_TAG = 0x6a;

const NONE = Buffer.alloc(0);

/**
 * The fields that a row gets for its workspace's properties: nothing for a workspace that has none. A value is kept as its
 * {@link slotText}; one that can't be, and every value of JSON that can't be parsed, as unknown.
 */
export function propertyFields(
  event: EventBytes,
  planOf: (workspaceId: string) => PropertyPlan | undefined,
): Buffer {
  const { data, start, end } = event;
  let plan: PropertyPlan | undefined;
  let payload: Buffer = NONE;
  let metadata: Buffer = NONE;
  const walk = new Walk(data, start, end);
  while (walk.at < end && walk.next()) {
    if (walk.tag === WORKSPACE_TAG) {
      plan = planOf(data.toString('utf8', walk.start, walk.at));
      // Most have none, and their events are looked into no further.
      if (plan === undefined) return NONE;
    } else if (walk.tag === PAYLOAD_TAG) payload = data.subarray(walk.start, walk.at);
    else if (walk.tag === METADATA_TAG) metadata = data.subarray(walk.start, walk.at);
  }
  if (plan === undefined) return NONE;
  const documents = { payload: readDocument(payload), metadata: readDocument(metadata) };
  return Buffer.concat([
    varintField(VERSION_FIELD, plan.version),
    ...plan.slots.map(({ root, keys, kind, slot }) => {
      const document = documents[root];
      const text = document === undefined ? UNKNOWN_TEXT : slotText(document, keys);
      return kind === 'text' ? textField(TEXT_FIELD + slot, text) : numberField(NUMBER_FIELD + slot, text);
    }),
  ]);
}

/**
 * A value as it stands in a slot: empty for none and for null, `true` or `false`, a number, `{}` and `[]` for whatever object or
 * list, and a text behind a quotation mark. ClickHouse makes the same of the JSON, see `query/fields.ts` of the analytics service.
 */
function slotText({ json, value }: JsonDocument, keys: readonly (string | number)[]): string {
  const found = memberAt(value, keys);
  switch (typeof found) {
    case 'string': {
      const tooLong = found.length > MAX_SLOT_BYTES || Buffer.byteLength(found) > MAX_SLOT_BYTES;
      return tooLong || !found.isWellFormed() ? UNKNOWN_TEXT : `"${found}`;
    }
    case 'boolean':
      return String(found);
    case 'number':
      return numberText(found, () => memberAt(JSON.parse(json, keepDigits), keys));
    case 'object':
      return found === null ? '' : Array.isArray(found) ? '[]' : '{}';
    default:
      return '';
  }
}

const INTEGER = /^-?\d+$/;
const LEAST_INT64 = -(2n ** 63n);
const GREATEST_UINT64 = 2n ** 64n - 1n;

/** The shortest text of a double; of an integer that 64 bits hold, its digits. */
function numberText(value: number, readExactly: () => unknown): string {
  if (!Number.isFinite(value)) return UNKNOWN_TEXT;
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const digits = readExactly();
    if (typeof digits === 'bigint' && digits >= LEAST_INT64 && digits <= GREATEST_UINT64)
      return String(digits);
  }
  return String(value).replace('e+', 'e');
}

/** Reads integers beyond the exact ones of a double as bigint. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  return INTEGER.test(source) ? BigInt(source) : value;
}

function varintField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  return bytes.subarray(0, writeVarint(bytes, value, writeVarint(bytes, field * 8, 0)));
}

function textField(field: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(2 + varintLength(length) + length);
  const at = writeVarint(bytes, length, writeVarint(bytes, field * 8 + 2, 0));
  bytes.write(text, at, 'utf8');
  return bytes;
}

/** Nothing for what is no number: the slot is then NULL. */
function numberField(field: number, text: string): Buffer {
  const value = text === UNKNOWN_TEXT ? Number.NaN : Number(text || 'none');
  if (Number.isNaN(value) && text !== UNKNOWN_TEXT) return NONE;
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeDoubleLE(value, writeVarint(bytes, field * 8 + 1, 0));
  return bytes;
}
