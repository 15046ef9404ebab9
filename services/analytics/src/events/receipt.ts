import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { GetReceiptResponseSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { StoredEventSchema } from '@millrace/contracts/millrace/api/v1/analytics';
import { EARLIEST_MS, LATEST_MS, MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql } from '@millrace/stores';
import { type ReadEvent, readEvent, unpackEnvelope } from '@millrace/wire';
import { z } from 'zod';
import type { DeadLetterTable } from '../dead-letters/dead-letter-table.ts';
import { idOf } from '../dead-letters/dead-letters.ts';
import type { AnalyticsMetrics } from '../metrics.ts';
import type { QueryStore } from '../query/query-store.ts';
import type { EventFeed } from '../tail/ports.ts';
import { getEvent } from './list-events.ts';

const QUESTION_TIMEOUT_MS = 4_000;
/** How much of the stream is looked through for an event that isn't stored yet. */
const MAX_SEARCHED_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 2 * 1024 * 1024;
const CHUNK_MESSAGES = 500;
/** Messages by which one shard's writer may be behind another's. */
const SHARDS_APART = 1_000;

const positionsSql = loadSql(import.meta.url, 'queries/positions.sql');
const deliveriesSql = loadSql(import.meta.url, 'queries/deliveries.sql');
const positionsRow = z.object({ least: z.coerce.number(), most: z.coerce.number() });
const deliveryRow = z.object({
  endpointId: z.string(),
  deliveryId: z.string(),
  status: z.string(),
  attempts: z.coerce.number(),
  lastAttemptMs: z.coerce.number(),
  httpStatus: z.coerce.number(),
});

/** What receipts are made from. */
export interface ReceiptSources {
  readonly client: ClickHouseClient;
  readonly metrics: AnalyticsMetrics;
  readonly store: QueryStore;
  readonly letters: Pick<DeadLetterTable, 'find' | 'findOfEvent'>;
  /** Undefined while NATS isn't there. */
  readonly feed: () => EventFeed | undefined;
}

/**
 * How far an event has come: stored, on its way, or put aside. Throws MillraceError `not_found`, `invalid_argument`, and `unavailable`
 * also when so much waits to be stored that nobody can tell.
 */
export async function getReceipt(
  sources: ReceiptSources,
  { workspaceId, id }: { workspaceId: string; id: string },
  signal: AbortSignal,
): Promise<MessageInitShape<typeof GetReceiptResponseSchema>> {
  // Before the table is asked: what it doesn't have then can only be behind this place in the stream.
  const after = await searchedFrom(sources, signal);
  const stored = await storedEvent(sources.store, workspaceId, id, signal);
  if (stored !== undefined) {
    return { event: stored, stored: true, deliveries: await deliveriesOf(sources, workspaceId, id, signal) };
  }
  const place = await sources.letters.findOfEvent(workspaceId, id, signal);
  const letter = place && (await sources.letters.find(workspaceId, place, signal));
  // Its message is in the stream too, until the writer has passed it.
  if (letter !== undefined && letter.state !== 'replayed') {
    return { event: toMessage(readEvent(letter.event)), stored: false, deadLetterId: idOf(letter) };
  }
  const waiting = await findWaiting(sources, { workspaceId, id, after }, signal);
  // One that was replayed may have been stored since the table was asked.
  const event = waiting ?? (letter && readEvent(letter.event));
  if (event === undefined) throw new MillraceError('not_found', 'no such event was accepted');
  const deliveries = await deliveriesOf(sources, workspaceId, id, signal);
  return { event: toMessage(event), stored: false, deliveries };
}

async function storedEvent(
  store: QueryStore,
  workspaceId: string,
  id: string,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof StoredEventSchema> | undefined> {
  try {
    return await getEvent(store, workspaceId, id, signal);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not_found') return undefined;
    throw error;
  }
}

async function searchedFrom({ client, metrics }: ReceiptSources, signal: AbortSignal): Promise<number> {
  const [row = { least: 0, most: 0 }] = await metrics.timed('receipt', () =>
    ask(client, { sql: positionsSql, row: positionsRow, timeoutMs: QUESTION_TIMEOUT_MS, signal }),
  );
  return Math.max(row.least, row.most - SHARDS_APART);
}

async function findWaiting(
  { feed }: ReceiptSources,
  wanted: { workspaceId: string; id: string; after: number },
  signal: AbortSignal,
): Promise<ReadEvent | undefined> {
  const events = feed();
  if (events === undefined) throw new MillraceError('unavailable', 'the stream can not be read');
  const { firstSeq, lastSeq } = await events.state();
  let next = Math.max(firstSeq, wanted.after + 1);
  let bytes = 0;
  while (next <= lastSeq) {
    if (bytes >= MAX_SEARCHED_BYTES) {
      throw new MillraceError('unavailable', 'too many events wait to be stored, try again');
    }
    const range = { fromSeq: next, toSeq: lastSeq, maxMessages: CHUNK_MESSAGES, maxBytes: CHUNK_BYTES };
    const messages = await events.read({ ...range, signal });
    const last = messages.at(-1);
    if (last === undefined) return undefined;
    for (const { data } of messages) {
      bytes += data.length;
      const found = findIn(data, wanted);
      if (found !== undefined) return found;
    }
    next = last.seq + 1;
  }
  return undefined;
}

function findIn(envelope: Buffer, { workspaceId, id }: { workspaceId: string; id: string }) {
  let found: ReadEvent | undefined;
  const problem = unpackEnvelope(
    envelope,
    ({ start, end, sound }) => {
      // Most are another's: to look for the id costs far less than to read the event.
      if (!sound || found !== undefined || !envelope.subarray(start, end).includes(id)) return;
      const event = readEvent(envelope.subarray(start, end));
      if (event.workspaceId === workspaceId && event.eventId === id) found = event;
    },
    () => undefined,
  );
  return problem === undefined ? found : undefined;
}

async function deliveriesOf(
  { client, metrics }: ReceiptSources,
  workspaceId: string,
  eventId: string,
  signal: AbortSignal,
) {
  const params = { workspaceId, eventId };
  const rows = await metrics.timed('receipt', () =>
    ask(client, { sql: deliveriesSql, params, row: deliveryRow, timeoutMs: QUESTION_TIMEOUT_MS, signal }),
  );
  return rows.map(({ lastAttemptMs, ...row }) => ({ ...row, lastAttemptAt: timestampFromMs(lastAttemptMs) }));
}

function toMessage(event: ReadEvent): MessageInitShape<typeof StoredEventSchema> {
  const { dialect, source, userId, sessionId, priority, labels, traceId } = event;
  return {
    ...{ dialect, source, userId, sessionId, priority, traceId },
    labels: [...labels],
    id: event.eventId,
    type: event.eventType,
    ...timeOf('occurredAt', event.occurredAtMs),
    ...timeOf('receivedAt', event.receivedAtMs),
    payloadJson: event.payload,
    metadataJson: event.metadata,
  };
}

/** A damaged event may have a number there that is no time. */
function timeOf(name: 'occurredAt' | 'receivedAt', ms: number) {
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? { [name]: timestampFromMs(ms) } : {};
}
