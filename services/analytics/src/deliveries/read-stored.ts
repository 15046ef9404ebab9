import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type {
  ReadStoredEventsRequest,
  ReadStoredEventsResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/delivery';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { fieldError } from '@millrace/runtime';
import { ask, loadSql } from '@millrace/stores';
import { z } from 'zod';
import { bytesRow, type DeliverySources } from './delivery-table.ts';
import { millisecondsOf } from './list-deliveries.ts';
import { firstPlaces, placeRow } from './places.ts';

const MAX_EVENTS = 1_000;
const DEFAULT_BYTES = 4 * 1024 * 1024;
/** With an event more, and what stands around them, it fits into a message. */
const MAX_BYTES = 6 * 1024 * 1024;
const QUESTION_TIMEOUT_MS = 10_000;

const load = (name: string) => loadSql(import.meta.url, `queries/${name}.sql`);
const sql = {
  places: load('stored-places'),
  sizes: load('stored-sizes'),
  events: load('stored-events'),
};
const sizeRow = z.object({ ...placeRow.shape, bytes: z.coerce.number() });
const eventRow = z.object({
  ...placeRow.shape,
  workspaceId: z.string(),
  eventId: z.string(),
  eventType: z.string(),
  dialect: z.string(),
  source: z.string(),
  userId: z.string(),
  sessionId: z.string(),
  occurredAtMs: z.coerce.bigint(),
  receivedAtMs: z.coerce.bigint(),
  priority: z.number(),
  labels: z.array(z.string()),
  payload: bytesRow,
  metadata: bytesRow,
  dedupKey: z.string().transform((text) => Buffer.from(text, 'hex')),
  traceId: z.string(),
});

/**
 * A page of a workspace's stored events in the order of the stream, each as it was accepted. A shard's writer may be behind another's: of
 * what is still in the stream, some may be missing here. Throws MillraceError `invalid_argument` naming the field, and `unavailable` when
 * ClickHouse doesn't answer.
 */
export async function readStoredEvents(
  { client, metrics }: DeliverySources,
  request: ReadStoredEventsRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ReadStoredEventsResponseSchema>> {
  const { workspaceId } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (request.maxEvents > MAX_EVENTS) throw fieldError('max_events', `at most ${MAX_EVENTS}`);
  if (request.maxBytes > MAX_BYTES) throw fieldError('max_bytes', `at most ${MAX_BYTES}`);
  const maxEvents = request.maxEvents || MAX_EVENTS;
  const asking = <Row>(text: string, row: z.ZodType<Row>, params: Record<string, unknown>) =>
    metrics.timed('stored_events', () =>
      ask(client, { sql: text, row, params, timeoutMs: QUESTION_TIMEOUT_MS, signal }),
    );
  const afterSeq = Number(request.afterSeq);
  const endSeq = Number(request.toSeq) || Number.MAX_SAFE_INTEGER;
  const fromMs = millisecondsOf(request.receivedFrom) ?? 0;
  const behind = { workspaceId, afterSeq, afterIndex: request.afterIndex, fromMs };
  // One more tells whether there is another page.
  const limit = maxEvents + 1;
  const places = await firstPlaces((toSeq) => asking(sql.places, placeRow, { ...behind, toSeq, limit }), {
    afterSeq,
    endSeq,
    limit,
  });
  const to = places.slice(0, maxEvents).at(-1);
  if (to === undefined) return { events: [], more: false };
  const sizes = await asking(sql.sizes, sizeRow, { ...behind, toSeq: to.seq, toIndex: to.index });
  const count = countWithin(sizes, request.maxBytes || DEFAULT_BYTES);
  const end = sizes[count - 1];
  // They may have been deleted in between, by their user's wish.
  if (end === undefined) return { events: [], more: places.length > maxEvents };
  const rows = await asking(sql.events, eventRow, { ...behind, toSeq: end.seq, toIndex: end.index });
  return {
    events: rows.map(({ seq, index, ...event }) => ({
      ...{ seq: BigInt(seq), index },
      event: toBinary(EventSchema, create(EventSchema, event)),
    })),
    more: count < sizes.length || places.length > maxEvents,
  };
}

/** How many, from the first on, end with the one that goes above it. */
function countWithin(sizes: readonly { bytes: number }[], maxBytes: number): number {
  let bytes = 0;
  const above = sizes.findIndex((size) => {
    bytes += size.bytes;
    return bytes > maxBytes;
  });
  return above === -1 ? sizes.length : above + 1;
}
