import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { type Delivery, DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { type Clock, MillraceError, type ServiceMethods } from '@millrace/runtime';
import type { Retries } from '@millrace/stores';
import { groupOf } from '../engine/groups.ts';

const TIMEOUT_MS = 10_000;

/**
 * Has a delivery attempted again, whatever became of it: whoever serves its endpoint makes the attempt. Throws MillraceError
 * `not_found`, `failed_precondition` and `unavailable`.
 */
export async function resendDelivery(
  deps: {
    readonly deliveries: Pick<ServiceMethods<typeof DeliveryService>, 'getDelivery'>;
    readonly retries: Pick<Retries, 'put'>;
    /** Throws MillraceError `not_found` for an endpoint that isn't the workspace's. */
    readonly requireEndpoint: (id: string) => void;
    readonly clock: Clock;
  },
  { workspaceId, id }: { workspaceId: string; id: string },
  signal: AbortSignal,
): Promise<Delivery> {
  const found = await deps.deliveries.getDelivery({ workspaceId, id }, { timeoutMs: TIMEOUT_MS, signal });
  const { delivery, seq, index } = found;
  if (delivery === undefined) throw new MillraceError('internal', 'an answer without a delivery');
  deps.requireEndpoint(delivery.endpointId);
  if (seq === 0n)
    throw new MillraceError('failed_precondition', 'a test is not sent again: test the endpoint');
  const nowMs = deps.clock.now();
  await deps.retries.put(groupOf(delivery.endpointId), {
    deliveryId: id,
    endpointId: delivery.endpointId,
    workspaceId,
    eventId: delivery.eventId,
    ...{ seq: Number(seq), index, cause: 'resend', tries: 0, dueAtMs: nowMs },
    attempt: delivery.attemptCount + 1,
    createdAtMs: delivery.createdAt === undefined ? nowMs : timestampMs(delivery.createdAt),
  });
  delivery.status = DeliveryStatus.PENDING;
  delete delivery.processedAt;
  return delivery;
}
