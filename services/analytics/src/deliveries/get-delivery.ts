import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { GetDeliveryResponseSchema } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { type AttemptSchema, DeliveryCause } from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { AttemptOfDelivery, DeliveryTable } from './delivery-table.ts';
import { toDelivery, withPayloads } from './list-deliveries.ts';

const MAX_ID_CHARS = 64;

const CAUSES: Readonly<Record<string, DeliveryCause>> = {
  event: DeliveryCause.EVENT,
  resend: DeliveryCause.RESEND,
  replay: DeliveryCause.REPLAY,
  test: DeliveryCause.TEST,
};

/**
 * A delivery with its newest hundred attempts, oldest first, and its event's place in the stream. Throws MillraceError `not_found` also for
 * another workspace's, `invalid_argument` naming the field, and what the table throws.
 */
export async function getDelivery(
  table: DeliveryTable,
  { workspaceId, id }: { workspaceId: string; id: string },
  signal: AbortSignal,
): Promise<MessageInitShape<typeof GetDeliveryResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (id === '' || id.length > MAX_ID_CHARS)
    throw fieldError('id', `must have 1 to ${MAX_ID_CHARS} characters`);
  const attempts = await table.attempts(workspaceId, id, signal);
  const [newest] = attempts;
  if (newest === undefined) throw new MillraceError('not_found', 'no such delivery was attempted');
  const row = {
    ...newest,
    id,
    attemptCount: newest.number,
    lastError: newest.error,
    endedAtMs: newest.startedAtMs + newest.tookMs,
  };
  const [shown = { row, payload: newest.payload }] = await withPayloads(table, workspaceId, [row], signal);
  const delivery = toDelivery(row, shown.payload, attempts.toReversed().map(toAttempt));
  return { delivery, seq: newest.seq, index: newest.index };
}

function toAttempt(row: AttemptOfDelivery): MessageInitShape<typeof AttemptSchema> {
  const { number, error, response, address } = row;
  return {
    ...{ number, error, response, address, status: row.httpStatus },
    startedAt: timestampFromMs(row.startedAtMs),
    took: durationFromMs(row.tookMs),
    cause: CAUSES[row.cause] ?? DeliveryCause.UNSPECIFIED,
  };
}
