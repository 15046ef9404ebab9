import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  ListEventsRequest,
  ListEventsResponseSchema,
  StoredEventSchema,
} from '@millrace/contracts/millrace/api/v1/analytics';
import { ColumnType } from '@millrace/contracts/millrace/query/v1/query';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { filterCondition } from '../query/filter.ts';
import type { Cell, QueryStore } from '../query/query-store.ts';
import { type Statement, StatementDraft } from '../query/statement.ts';
import { readWindow, timeLiteral, windowCondition } from '../query/window.ts';

const DEFAULT_PAGE_EVENTS = 100;
const MAX_PAGE_EVENTS = 1_000;
const MAX_ID_CHARS = 255;

/** What is selected of an event, in the order of `toEvent`. */
const COLUMNS = [
  'event_id',
  'event_type',
  'dialect',
  'source',
  'user_id',
  'session_id',
  'toUnixTimestamp64Milli(occurred_at)',
  'toUnixTimestamp64Milli(received_at)',
  'priority',
  'labels',
  'payload',
  'metadata',
  'trace_id',
  '_shard',
  '_seq',
  '_index',
];

/** An event's place in the list, which is in the order of arrival, and for one moment in that of the stream. */
interface Position {
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
}

/**
 * A page of a workspace's stored events, newest arrival first. Throws MillraceError `invalid_argument` naming the field, and what
 * the store throws. A window by occurrence is still listed by arrival.
 */
export async function listEvents(
  store: QueryStore,
  workspaceId: string,
  request: ListEventsRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListEventsResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (request.pageSize > MAX_PAGE_EVENTS) throw fieldError('page_size', `at most ${MAX_PAGE_EVENTS}`);
  const limit = request.pageSize || DEFAULT_PAGE_EVENTS;
  const draft = new StatementDraft();
  // A page that goes on ends where the first one did, however much has arrived since.
  const { position, toMs } = fromPageToken(request.pageToken) ?? {};
  const window = readWindow(request.window, toMs ?? clock.now());
  const conditions = [
    windowCondition(workspaceId, window, draft),
    filterCondition(request.filter, 'filter', draft),
  ];
  if (position) conditions.push(behind(position, draft));
  const rows = await store.rows(
    workspaceId,
    // One more tells whether there is another page.
    select(conditions, draft, `LIMIT ${draft.bind(limit + 1, 'UInt32')}`),
    signal,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const nextPageToken = last && rows.length > limit ? toPageToken(positionOf(last), window.toMs) : '';
  return { events: page.map(toEvent), nextPageToken };
}

/** The newest stored event of an id. Throws MillraceError `not_found`, and what the store throws. */
export async function getEvent(
  store: QueryStore,
  workspaceId: string,
  id: string,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof StoredEventSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (id === '' || id.length > MAX_ID_CHARS)
    throw fieldError('id', `must have 1 to ${MAX_ID_CHARS} characters`);
  const draft = new StatementDraft();
  const conditions = [
    `workspace_id = ${draft.bind(workspaceId, 'String')}`,
    `event_id = ${draft.bind(id, 'String')}`,
  ];
  const [row] = await store.rows(workspaceId, select(conditions, draft, 'LIMIT 1'), signal);
  if (row === undefined) throw new MillraceError('not_found', 'no such event is stored');
  return toEvent(row);
}

function select(conditions: readonly string[], draft: StatementDraft, limit: string): Statement {
  const sql = `${draft.withPaths()}SELECT ${COLUMNS.join(', ')}
FROM events
WHERE ${conditions.join('\n  AND ')}
ORDER BY received_at DESC, _shard DESC, _seq DESC, _index DESC
${limit}`;
  return draft.finish(
    sql,
    COLUMNS.map((name) => ({ name, type: ColumnType.TEXT })),
    { scopes: [] },
  );
}

function behind({ receivedMs, shard, seq, index }: Position, draft: StatementDraft): string {
  const at = timeLiteral(receivedMs, draft);
  const place = [shard, seq, index].map((part) => draft.bind(part, 'Int64')).join(', ');
  // The first condition narrows the range of the primary key, which tuples do not.
  return `received_at <= ${at} AND (received_at < ${at} OR (_shard, _seq, _index) < (${place}))`;
}

function toEvent(row: readonly Cell[]): MessageInitShape<typeof StoredEventSchema> {
  const [
    id,
    type,
    dialect,
    source,
    userId,
    sessionId,
    occurredMs,
    receivedMs,
    priority,
    labels,
    payload,
    metadata,
    traceId,
  ] = row;
  return {
    id: String(id),
    type: String(type),
    dialect: String(dialect),
    source: String(source),
    userId: String(userId),
    sessionId: String(sessionId),
    occurredAt: timestampFromMs(Number(occurredMs)),
    receivedAt: timestampFromMs(Number(receivedMs)),
    priority: Number(priority),
    labels: Array.isArray(labels) ? labels.map(String) : [],
    payloadJson: Buffer.from(String(payload)),
    metadataJson: Buffer.from(String(metadata)),
    traceId: String(traceId),
  };
}

function positionOf(row: readonly Cell[]): Position {
  const [shard, seq, index] = row.slice(-3).map(Number);
  return { receivedMs: Number(row[7]), shard: shard ?? 0, seq: seq ?? 0, index: index ?? 0 };
}

const TOKEN = /^(-?\d{1,14})\.(\d{1,10})\.(\d{1,16})\.(\d{1,10})\.(-?\d{1,14})$/;

function toPageToken({ receivedMs, shard, seq, index }: Position, toMs: number): string {
  return Buffer.from([receivedMs, shard, seq, index, toMs].join('.')).toString('base64url');
}

/** What a token names; undefined for none. Throws MillraceError `invalid_argument` when it is none of ours. */
function fromPageToken(token: string): { position: Position; toMs: number } | undefined {
  if (token === '') return undefined;
  const match = TOKEN.exec(Buffer.from(token, 'base64url').toString('latin1'));
  const [receivedMs, shard, seq, index, toMs] = match?.slice(1).map(Number) ?? [];
  if (
    receivedMs === undefined ||
    shard === undefined ||
    seq === undefined ||
    index === undefined ||
    toMs === undefined
  ) {
    throw fieldError('page_token', 'must be the one that the last answer had');
  }
  return { position: { receivedMs, shard, seq, index }, toMs };
}
