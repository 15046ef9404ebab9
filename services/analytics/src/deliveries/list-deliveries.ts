import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AttemptSchema,
  type DeliverySchema,
  DeliveryStatus,
  type ListDeliveriesRequest,
  type ListDeliveriesResponseSchema,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError } from '@millrace/runtime';
import {
  type Candidate,
  type CandidateQuestion,
  type DeliveryRow,
  type DeliveryTable,
  payloadKey,
  statusWord,
} from './delivery-table.ts';

const DEFAULT_PAGE_DELIVERIES = 50;
const MAX_PAGE_DELIVERIES = 200;
const MAX_TEXT_CHARS = 255;
/** Rows that are looked at together, at most; of those with the wanted status most may be no delivery's newest. */
const MAX_ROWS = 1_000;
/** A page that finds too little in so many goes ends, and the next one goes on from there. */
const MAX_LOOKS = 8;
/** The end of the times that the column holds, with room to spare. */
const END_OF_TIME_MS = Date.UTC(2200, 0, 1);

/**
 * A page of an endpoint's deliveries, the newest first. A page may be short, or even empty, and yet have another behind it. A delivery
 * stands where its newest attempt says that it was created, which is the same for all unless a crash came between. Throws MillraceError
 * `invalid_argument` naming the field, and what the table throws.
 */
export async function listDeliveries(
  table: DeliveryTable,
  workspaceId: string,
  request: ListDeliveriesRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListDeliveriesResponseSchema>> {
  const question = questionOf(workspaceId, request);
  const pageSize = request.pageSize || DEFAULT_PAGE_DELIVERIES;
  const found: DeliveryRow[] = [];
  let behind: Position = { atMs: question.behindMs, id: question.behindId };
  let isEnd = false;
  // One more than the page tells whether there is another.
  for (let look = 0; look < MAX_LOOKS && found.length <= pageSize && !isEnd; look++) {
    // A delivery has a row for each attempt, few have more than two; each that is far from the others costs a read of its own.
    const limit = Math.min(MAX_ROWS, 2 * (pageSize + 1) * 4 ** look);
    const asked = { ...question, behindMs: behind.atMs, behindId: behind.id, limit };
    const candidates = await table.candidates(asked, signal);
    found.push(...(await deliveriesAt(table, asked, distinct(candidates), signal)));
    const last = candidates.at(-1);
    if (last !== undefined) behind = { atMs: last.createdAtMs, id: last.id };
    isEnd = candidates.length < limit;
  }
  const page = await withPayloads(table, workspaceId, found.slice(0, pageSize), signal);
  const last = page.at(-1)?.row;
  // What was found and isn't shown comes again.
  if (page.length < found.length && last) behind = { atMs: last.createdAtMs, id: last.id };
  const isLast = isEnd && page.length === found.length;
  return {
    deliveries: page.map(({ row, payload }) => toDelivery(row, payload)),
    nextPageToken: isLast ? '' : toPageToken(behind, question),
  };
}

/** Without the further rows of a delivery, which follow its first. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ id }, i) => id !== candidates[i - 1]?.id);
}

/** The candidates that are their delivery's newest attempt, or as old as that, in their order. */
async function deliveriesAt(
  table: DeliveryTable,
  { workspaceId, endpointId, status }: CandidateQuestion,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<DeliveryRow[]> {
  if (candidates.length === 0) return [];
  const rows = await table.deliveries({ workspaceId, endpointId, candidates }, signal);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return candidates.flatMap(({ id, createdAtMs }) => {
    const row = byId.get(id);
    const isThere = row?.createdAtMs === createdAtMs && (status === '' || statusWord(row.status) === status);
    return row && isThere ? [row] : [];
  });
}

interface Shown {
  readonly row: DeliveryRow;
  readonly payload: Buffer;
}

/** As many of the deliveries, from the first on, as fit into an answer with the payloads of their events. */
export async function withPayloads(
  table: Pick<DeliveryTable, 'payloads'>,
  workspaceId: string,
  rows: readonly DeliveryRow[],
  signal: AbortSignal,
): Promise<Shown[]> {
  for (let count = rows.length; ; count = Math.ceil(count / 2)) {
    const some = rows.slice(0, count);
    const events = some.filter(({ payload }) => payload.length === 0);
    const payloads = await table.payloads(workspaceId, events, signal);
    if (payloads !== undefined || count <= 1) {
      return some.map((row) => ({
        row,
        payload: row.payload.length > 0 ? row.payload : (payloads?.get(payloadKey(row)) ?? Buffer.alloc(0)),
      }));
    }
  }
}

/** As the public API has it. */
export function toDelivery(
  row: DeliveryRow,
  payload: Buffer,
  attempts: MessageInitShape<typeof AttemptSchema>[] = [],
): MessageInitShape<typeof DeliverySchema> {
  const { id, endpointId, url, eventId, event, status, attemptCount, lastError } = row;
  const isOver = status !== DeliveryStatus.PENDING;
  return {
    ...{ id, endpointId, url, eventId, event, status, attemptCount, lastError, attempts },
    payloadJson: payload,
    createdAt: timestampFromMs(row.createdAtMs),
    ...(isOver ? { processedAt: timestampFromMs(row.endedAtMs) } : {}),
    ...(row.nextAttemptAtMs > 0 ? { nextAttemptAt: timestampFromMs(row.nextAttemptAtMs) } : {}),
  };
}

function questionOf(workspaceId: string, request: ListDeliveriesRequest): CandidateQuestion {
  const { endpointId, event, eventId, pageToken } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (endpointId === '') throw fieldError('endpoint_id', 'is required');
  if (request.pageSize > MAX_PAGE_DELIVERIES) throw fieldError('page_size', `at most ${MAX_PAGE_DELIVERIES}`);
  for (const [field, value] of Object.entries({ endpoint_id: endpointId, event, event_id: eventId })) {
    if (value.length > MAX_TEXT_CHARS) throw fieldError(field, `at most ${MAX_TEXT_CHARS} characters`);
  }
  const status = statusWord(request.status);
  if (status === undefined) throw fieldError('status', 'must be pending, sent or failed');
  const scope = { workspaceId, endpointId };
  const behind = pageToken === '' ? { atMs: END_OF_TIME_MS, id: '' } : fromPageToken(pageToken, scope);
  return {
    ...{ ...scope, event, eventId, status, behindMs: behind.atMs, behindId: behind.id, limit: 0 },
    fromMs: millisecondsOf(request.from) ?? 0,
    toMs: millisecondsOf(request.to) ?? END_OF_TIME_MS,
  };
}

/** The first whole millisecond that is not before the time, within those that the column holds. */
export function millisecondsOf(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1_000 + Math.ceil(time.nanos / 1e6);
  return Math.min(Math.max(ms, 0), END_OF_TIME_MS);
}

interface Position {
  readonly atMs: number;
  readonly id: string;
}

type Scope = Pick<CandidateQuestion, 'workspaceId' | 'endpointId'>;

const TOKEN = /^(\d{1,13})\.(.{1,64})\.[A-Za-z0-9_-]{11}$/;

/** Names whose list it belongs to, so that none is taken for another's. */
export function toPageToken({ atMs, id }: Position, { workspaceId, endpointId }: Scope): string {
  const scope = createHash('sha256')
    .update(JSON.stringify([workspaceId, endpointId]))
    .digest();
  return Buffer.from(`${atMs}.${id}.${scope.toString('base64url', 0, 8)}`).toString('base64url');
}

/** The position that a token names. Throws MillraceError `invalid_argument` when it is none of this list's. */
export function fromPageToken(token: string, scope: Scope): Position {
  const [, atMs, id] = TOKEN.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? [];
  if (atMs === undefined || id === undefined || toPageToken({ atMs: Number(atMs), id }, scope) !== token) {
    throw fieldError('page_token', 'must be the one that the last answer had');
  }
  return { atMs: Number(atMs), id };
}
