import { fieldError } from '@millrace/runtime';
import { propertyKey, type StatementDraft } from './statement.ts';

/** A field of an event that a question may name. */
export type Field =
  | { readonly kind: 'text'; readonly name: string; readonly column: string }
  | { readonly kind: 'number'; readonly name: string; readonly column: string }
  | { readonly kind: 'time'; readonly name: string; readonly column: string }
  | { readonly kind: 'list'; readonly name: string; readonly column: string }
  | {
      readonly kind: 'path';
      readonly name: string;
      readonly column: 'payload' | 'metadata';
      /** Member names, and indexes from 0. */
      readonly keys: readonly (string | number)[];
    };

const MAX_NAME_CHARS = 512;
const MAX_KEYS = 16;
const MAX_INDEX = 100_000;

const COLUMNS: Readonly<Record<string, Field>> = {
  id: { kind: 'text', name: 'id', column: 'event_id' },
  type: { kind: 'text', name: 'type', column: 'event_type' },
  dialect: { kind: 'text', name: 'dialect', column: 'dialect' },
  source: { kind: 'text', name: 'source', column: 'source' },
  userId: { kind: 'text', name: 'userId', column: 'user_id' },
  sessionId: { kind: 'text', name: 'sessionId', column: 'session_id' },
  traceId: { kind: 'text', name: 'traceId', column: 'trace_id' },
  priority: { kind: 'number', name: 'priority', column: 'priority' },
  labels: { kind: 'list', name: 'labels', column: 'labels' },
  occurredAt: { kind: 'time', name: 'occurredAt', column: 'occurred_at' },
  receivedAt: { kind: 'time', name: 'receivedAt', column: 'received_at' },
};

/** The names of the fields that every event has. */
export const COLUMN_FIELDS: readonly string[] = Object.keys(COLUMNS);

/** One part of a path: `.name`, `["any name"]` or `[0]`. */
const PART = /\.([^.[\]"\s]+)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The field of a name. Throws MillraceError `invalid_argument` naming `place`, where the name stood in the question. */
export function parseField(name: string, place: string): Field {
  if (name.length > MAX_NAME_CHARS) throw fieldError(place, `at most ${MAX_NAME_CHARS} characters`);
  const column = Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined;
  if (column !== undefined) return column;
  const root = /^(payload|metadata)(?=[.[])/.exec(name)?.[1];
  if (root !== 'payload' && root !== 'metadata') {
    throw fieldError(
      place,
      `must be one of ${COLUMN_FIELDS.join(', ')}, or a path such as payload.cart.total, payload["odd key"] or payload.items[0]`,
    );
  }
  const keys: (string | number)[] = [];
  PART.lastIndex = root.length;
  while (PART.lastIndex < name.length) {
    const from = PART.lastIndex;
    const [, plain, index, quoted] = PART.exec(name) ?? [];
    const key = plain ?? (index === undefined ? unquote(quoted) : Number(index));
    if (key === undefined) throw fieldError(place, `can not be read from character ${from + 1} on`);
    if (typeof key === 'string' && (key.includes('\0') || !key.isWellFormed()))
      throw fieldError(place, 'must not contain NUL or half a surrogate pair');
    if (typeof key === 'number' && key > MAX_INDEX) throw fieldError(place, `indexes end at ${MAX_INDEX}`);
    keys.push(key);
    if (keys.length > MAX_KEYS) throw fieldError(place, `at most ${MAX_KEYS} parts`);
  }
  return { kind: 'path', name, column: root, keys };
}

function unquote(quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined;
  try {
    const text: unknown = JSON.parse(quoted);
    return typeof text === 'string' ? text : undefined;
  } catch {
    // Not JSON: the caller says where.
    return undefined;
  }
}

/** Whether there is such a field; Bool. */
export function existsExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'text':
      return `(${field.column} != '')`;
    case 'list':
      return `notEmpty(${field.column})`;
    case 'number':
    case 'time':
      return '1';
    case 'path':
      return `(${valueExpression(field, draft)} != '')`;
  }
}

/** The field as text, for grouping; NULL where there is none. A list can't be one. */
export function textExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'text':
      return `nullIf(${field.column}, '')`;
    case 'number':
      return `toString(${field.column})`;
    case 'time':
      return `concat(replaceOne(toString(${field.column}), ' ', 'T'), 'Z')`;
    case 'list':
      return `nullIf(arrayStringConcat(${field.column}, ','), '')`;
    case 'path': {
      const value = valueExpression(field, draft);
      return `if(${value} = '', NULL, if(startsWith(${value}, '"'), substring(${value}, 2), ${value}))`;
    }
  }
}

/** The field as a number; NULL where it is none. */
export function numberExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'number':
      return `toFloat64(${field.column})`;
    case 'path':
      return (
        draft.property(propertyKey(field.column, field.keys), 'number') ??
        `toFloat64OrNull(${valueExpression(field, draft)})`
      );
    default:
      return 'CAST(NULL AS Nullable(Float64))';
  }
}

/**
 * A path's value as text: '' for none and for null, `true` or `false`, a number, `{}` and `[]` for whatever object or list, and a
 * text behind a quotation mark. The writer puts the same into a property's column, see `property-fields.ts` of `@millrace/wire`.
 */
export function valueExpression(field: Field & { kind: 'path' }, draft: StatementDraft): string {
  const { column, keys } = field;
  const key = propertyKey(column, keys);
  return (
    draft.property(key, 'text') ??
    draft.parsed(key, field.name, (alias) => [
      `${rawExpression(field, (part) => (typeof part === 'number' ? draft.bind(part, 'Int64') : draft.bind(part, 'String')))} AS raw_${alias}`,
      `${valueOfRaw(`raw_${alias}`)} AS ${alias}`,
    ])
  );
}

/** The value that JSON text holds. The shortest text of a number is that of JavaScript; adding 0 makes 0 of -0. */
export function valueOfRaw(raw: string): string {
  return `multiIf(${raw} = '' OR ${raw} = 'null', '', startsWith(${raw}, '"'), concat('"', JSONExtractString(${raw})), startsWith(${raw}, '{'), '{}', startsWith(${raw}, '['), '[]', ${raw} IN ('true', 'false'), ${raw}, match(${raw}, '^-?[1-9][0-9]*$'), ${raw}, toString(toFloat64OrZero(${raw}) + 0))`;
}

/** A path's value as JSON text; '' where there is none. `place` makes an expression of a name or an index. */
export function rawExpression(
  { column, keys }: Pick<Field & { kind: 'path' }, 'column' | 'keys'>,
  place: (key: string | number) => string,
): string {
  // ClickHouse counts elements from 1.
  const places = keys.map((key) => place(typeof key === 'number' ? key + 1 : key));
  const raw = `JSONExtractRaw(${[column, ...places].join(', ')})`;
  // An index would count an object's members, too.
  const arrays = keys.flatMap((key, at) =>
    typeof key === 'number' ? [`JSONType(${[column, ...places.slice(0, at)].join(', ')}) = 'Array'`] : [],
  );
  return arrays.length === 0 ? raw : `if(${arrays.join(' AND ')}, ${raw}, '')`;
}
