import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  ListFieldNamesRequest,
  ListFieldNamesResponseSchema,
  ListFieldValuesRequest,
  ListFieldValuesResponseSchema,
} from '@millrace/contracts/millrace/api/v1/analytics';
import { ColumnType } from '@millrace/contracts/millrace/query/v1/query';
import { type Clock, fieldError } from '@millrace/runtime';
import { COLUMN_FIELDS, parseField } from '@millrace/wire';
import { textExpression } from '../query/fields.ts';
import { type QueryStore, readableStatement } from '../query/query-store.ts';
import { type PropertyColumns, type Statement, StatementDraft } from '../query/statement.ts';
import { type QueryWindow, readWindow, windowCondition } from '../query/window.ts';

const NEWEST_EVENTS = 10_000;
const MAX_NAMES = 1_000;
const DEFAULT_VALUES = 100;
const MAX_VALUES = 1_000;
const MAX_PREFIX_CHARS = 512;
/** Deeper members are found by asking with a longer prefix. */
const MAX_DEPTH = 4;
/** Names of one object's members; one with more is a map, whose names are data. */
const MAX_MEMBERS = 100;

/**
 * Names that can stand in a question: the fields of every event, then the paths that the newest 10,000 events have. Throws
 * MillraceError `invalid_argument` naming the field, and what the store throws.
 */
export async function listFieldNames(
  store: QueryStore,
  workspaceId: string,
  { type, prefix }: ListFieldNamesRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListFieldNamesResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  requirePrefix(prefix);
  const draft = new StatementDraft();
  const ofType = type === '' ? '' : `AND event_type = ${draft.bind(type, 'String')}`;
  const sql = `SELECT payload, metadata
FROM events
WHERE workspace_id = ${draft.bind(workspaceId, 'String')} ${ofType}
ORDER BY received_at DESC
LIMIT ${draft.bind(NEWEST_EVENTS, 'UInt32')}`;
  const columns = ['payload', 'metadata'].map((name) => ({ name, type: ColumnType.TEXT }));
  const rows = await store.rows(workspaceId, draft.finish(sql, columns, { scopes: [] }), signal);
  const counts = new Map<string, number>();
  for (const [payload, metadata] of rows) {
    const names = new Set<string>();
    collect(payload, 'payload', names);
    collect(metadata, 'metadata', names);
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const paths = [...counts]
    .filter(([name]) => name.startsWith(prefix))
    .sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1));
  const columnNames = COLUMN_FIELDS.filter((name) => name.startsWith(prefix));
  return {
    fields: [
      ...columnNames.map((name) => ({ name, events: rows.length })),
      ...paths.slice(0, MAX_NAMES - columnNames.length).map(([name, events]) => ({ name, events })),
    ],
  };
}

function requirePrefix(prefix: string): void {
  if (prefix.length > MAX_PREFIX_CHARS) throw fieldError('prefix', `at most ${MAX_PREFIX_CHARS} characters`);
}

function collect(json: unknown, root: string, names: Set<string>): void {
  const walk = (value: unknown, path: string, depth: number): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) return;
    const members = Object.entries(value);
    if (members.length > MAX_MEMBERS) return;
    for (const [key, member] of members) {
      const name = path + (/^[^.[\]"\s]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
      names.add(name);
      walk(member, name, depth + 1);
    }
  };
  walk(JSON.parse(String(json) || '{}'), root, 1);
}

/** A field's most frequent values. Throws MillraceError `invalid_argument` naming the field, and what the store throws. */
export async function listFieldValues(
  store: QueryStore,
  workspaceId: string,
  request: ListFieldValuesRequest,
  properties: PropertyColumns,
  clock: Clock,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListFieldValuesResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  requirePrefix(request.prefix);
  if (request.limit > MAX_VALUES) throw fieldError('limit', `at most ${MAX_VALUES}`);
  const window = readWindow(request.window, clock.now());
  const compile = (columns: PropertyColumns) => valuesStatement(workspaceId, request, window, columns);
  const statement = await readableStatement(store, workspaceId, properties, compile, signal);
  const rows = await store.rows(workspaceId, statement, signal);
  return {
    values: rows.map(([text, events]) => ({
      value: String(text),
      events: BigInt(Number(events)),
    })),
  };
}

function valuesStatement(
  workspaceId: string,
  request: ListFieldValuesRequest,
  window: QueryWindow,
  properties: PropertyColumns,
): Statement {
  const draft = new StatementDraft(properties);
  const value = textExpression(parseField(request.field, 'field'), draft);
  const where = windowCondition(workspaceId, window, draft);
  const prefix = draft.bind(request.prefix, 'String');
  const limit = draft.bind(request.limit || DEFAULT_VALUES, 'UInt32');
  const sql = `${draft.withPaths()}SELECT ${value} AS value, count() AS events
FROM events
WHERE ${where}
GROUP BY value
HAVING value IS NOT NULL AND startsWith(assumeNotNull(value), ${prefix})
ORDER BY events DESC, value
LIMIT ${limit}`;
  const columns = [
    { name: 'value', type: ColumnType.TEXT },
    { name: 'events', type: ColumnType.NUMBER },
  ];
  return draft.finish(sql, columns, { scopes: [where] });
}
