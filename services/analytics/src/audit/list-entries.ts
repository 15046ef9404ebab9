import type { ListAuditEntriesRequest } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { fieldError, type MillraceError } from '@millrace/runtime';
import type { AuditEntry, AuditPosition, AuditTable } from './ports.ts';

/** A page of the log, newest first. */
export interface AuditPage {
  readonly entries: AuditEntry[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

const DEFAULT_PAGE_ENTRIES = 100;
const MAX_PAGE_ENTRIES = 500;
const MAX_FILTER_CHARACTERS = 256;

/**
 * Pages through a workspace's entries. Throws MillraceError `invalid_argument`, which names the field, and
 * `unavailable` when ClickHouse is away.
 */
export async function listEntries(
  table: Pick<AuditTable, 'list'>,
  request: ListAuditEntriesRequest,
  signal: AbortSignal,
): Promise<AuditPage> {
  const { workspaceId, action, actorUserId, targetId, pageToken } = request;
  if (workspaceId === '') throw invalid('workspace_id', 'is required');
  if (request.pageSize > MAX_PAGE_ENTRIES) throw invalid('page_size', `at most ${MAX_PAGE_ENTRIES}`);
  for (const [field, value] of Object.entries({ action, actor_user_id: actorUserId, target_id: targetId })) {
    if (value.length > MAX_FILTER_CHARACTERS)
      throw invalid(field, `at most ${MAX_FILTER_CHARACTERS} characters`);
  }
  const limit = request.pageSize || DEFAULT_PAGE_ENTRIES;
  const entries = await table.list(
    {
      workspaceId,
      action,
      actorUserId,
      targetId,
      fromMs: millisecondsOf(request.from) ?? 0,
      toMs: millisecondsOf(request.to) ?? END_OF_TIME_MS,
      behind: pageToken === '' ? { atMs: END_OF_TIME_MS, id: '' } : fromPageToken(pageToken),
      // One more tells whether there is another page.
      limit: limit + 1,
    },
    signal,
  );
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  const nextPageToken =
    last && entries.length > limit ? toPageToken({ atMs: Number(last.atMs), id: last.id }) : '';
  return { entries: page, nextPageToken };
}

/** The first whole millisecond that is not before the time, within the times that the log holds. */
function millisecondsOf(time: ListAuditEntriesRequest['from']): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1_000 + Math.ceil(time.nanos / 1e6);
  return Math.min(Math.max(ms, 0), END_OF_TIME_MS);
}

function invalid(field: string, issue: string): MillraceError {
  return fieldError(field, issue);
}

const POSITION = /^(\d{1,13})\.([0-9a-f-]{36})$/;

/** The token that leads to what comes behind a position. */
export function toPageToken({ atMs, id }: AuditPosition): string {
  return Buffer.from(`${atMs}.${id}`).toString('base64url');
}

/** The position that a token names. Throws MillraceError `invalid_argument` when it is none of ours. */
export function fromPageToken(token: string): AuditPosition {
  const [, atMs, id] = POSITION.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? [];
  if (atMs === undefined || id === undefined || toPageToken({ atMs: Number(atMs), id }) !== token) {
    throw fieldError('page_token', 'must be the one that the last answer had');
  }
  return { atMs: Number(atMs), id };
}

/** The end of the times that the log holds, in milliseconds since 1970: far inside of what the column can. */
const END_OF_TIME_MS = Date.UTC(2200, 0, 1);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether the table can hold the entry: one that it refused would keep back all that are inserted with it. */
export function isStorable({ id, atMs }: AuditEntry): boolean {
  return UUID.test(id) && atMs >= 0n && atMs < BigInt(END_OF_TIME_MS);
}
