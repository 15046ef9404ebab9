import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  ListPlacedDeliveriesRequest,
  ListPlacedDeliveriesResponseSchema,
  PlacedDeliverySchema,
} from '@millrace/contracts/millrace/analytics/v1/delivery';
import { DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError } from '@millrace/runtime';
import { ask, loadSql } from '@millrace/stores';
import { z } from 'zod';
import { type DeliverySources, deliveryStatus, statusWord } from './delivery-table.ts';
import { millisecondsOf } from './list-deliveries.ts';
import { firstPlaces, type Place, placeRow } from './places.ts';

const DEFAULT_PAGE_DELIVERIES = 1_000;
const MAX_PAGE_DELIVERIES = 10_000;
const QUESTION_TIMEOUT_MS = 10_000;

const load = (name: string) => loadSql(import.meta.url, `queries/${name}.sql`);
const sql = {
  pending: load('pending-places'),
  places: load('attempted-places'),
  placed: load('placed'),
};
const placedRow = z.object({
  ...placeRow.shape,
  id: z.string(),
  eventId: z.string(),
  status: deliveryStatus,
  attemptCount: z.number(),
  nextAttemptAtMs: z.coerce.number(),
  createdAtMs: z.coerce.number(),
});

/**
 * A page of an endpoint's deliveries in the order of the stream; tests stand in none. Throws MillraceError `invalid_argument` naming the
 * field, and `unavailable` when ClickHouse doesn't answer.
 */
export async function listPlacedDeliveries(
  { client, metrics }: DeliverySources,
  request: ListPlacedDeliveriesRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListPlacedDeliveriesResponseSchema>> {
  const { workspaceId, endpointId } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (endpointId === '') throw fieldError('endpoint_id', 'is required');
  if (request.pageSize > MAX_PAGE_DELIVERIES) throw fieldError('page_size', `at most ${MAX_PAGE_DELIVERIES}`);
  const status = statusWord(request.status);
  if (status === undefined) throw fieldError('status', 'must be pending, sent or failed');
  const pageSize = request.pageSize || DEFAULT_PAGE_DELIVERIES;
  const fromMs = millisecondsOf(request.receivedFrom) ?? 0;
  const question = { workspaceId, endpointId, status, fromMs };
  const asking = <Row>(text: string, row: z.ZodType<Row>, params: Record<string, unknown>) =>
    metrics.timed('placed_deliveries', () =>
      ask(client, { sql: text, row, params, timeoutMs: QUESTION_TIMEOUT_MS, signal }),
    );
  let after: Place = { seq: Number(request.afterSeq), index: request.afterIndex };
  const places = request.status === DeliveryStatus.PENDING ? sql.pending : sql.places;
  // A delivery has a row for each attempt, and few have more than two.
  const limit = 2 * pageSize;
  const found: z.output<typeof placedRow>[] = [];
  for (;;) {
    const behind = { ...question, afterSeq: after.seq, afterIndex: after.index };
    const ahead = await firstPlaces((toSeq) => asking(places, placeRow, { ...behind, toSeq, limit }), {
      afterSeq: after.seq,
      endSeq: Number.MAX_SAFE_INTEGER,
      limit,
    });
    const to = distinct(ahead).slice(0, pageSize).at(-1);
    if (to === undefined) break;
    const until = { toSeq: to.seq, toIndex: to.index };
    found.push(...(await asking(sql.placed, placedRow, { ...behind, ...until })));
    if (found.length >= pageSize) break;
    after = to;
  }
  return { deliveries: found.slice(0, pageSize).map(toMessage) };
}

/** Without the further rows of a delivery, which follow its first. */
function distinct(places: readonly Place[]): Place[] {
  return places.filter(({ seq, index }, i) => seq !== places[i - 1]?.seq || index !== places[i - 1]?.index);
}

function toMessage(row: z.output<typeof placedRow>): MessageInitShape<typeof PlacedDeliverySchema> {
  const { id, eventId, seq, index, status, attemptCount } = row;
  return {
    ...{ id, eventId, seq: BigInt(seq), index, status, attemptCount },
    ...(row.nextAttemptAtMs > 0 ? { nextAttemptAt: timestampFromMs(row.nextAttemptAtMs) } : {}),
    createdAt: timestampFromMs(row.createdAtMs),
  };
}
