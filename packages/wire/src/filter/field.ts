import { fieldError } from '@millrace/runtime';

/** A field of an event that a question or a filter may name; `column` is where it is stored. */
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
