import { create } from '@bufbuild/protobuf';
import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { ListDeliveriesRequestSchema } from '@millrace/contracts/millrace/api/v1/webhook';
import { bindService, type CallContext, type GrpcServiceBinding, MillraceError } from '@millrace/runtime';
import type { QuerySlots } from '../query/query-slots.ts';
import { createDeliveryTable, type DeliverySources } from './delivery-table.ts';
import { getDelivery } from './get-delivery.ts';
import { listDeliveries } from './list-deliveries.ts';
import { listPlacedDeliveries } from './list-placed.ts';
import { readStoredEvents } from './read-stored.ts';

/**
 * `millrace.analytics.v1.DeliveryService`. Until the store is ready, and whenever ClickHouse is away, methods throw MillraceError
 * `unavailable`; `resource_exhausted` when a workspace asks for too much at once.
 */
export function bindDeliveries(
  options: DeliverySources & {
    /** Of what people ask. */
    readonly slots: QuerySlots;
    /** Of what deliverers read, page by page for as long as there is something. */
    readonly readerSlots: QuerySlots;
    readonly isReady: () => boolean;
  },
): GrpcServiceBinding {
  const table = createDeliveryTable(options);
  const within =
    <Request extends { readonly workspaceId: string }, Answer>(
      slots: QuerySlots,
      answer: (request: Request, signal: AbortSignal) => Promise<Answer>,
    ) =>
    (request: Request, { signal }: CallContext): Promise<Answer> => {
      if (!options.isReady()) throw new MillraceError('unavailable', 'the event store is not ready');
      return slots.run(request.workspaceId, () => answer(request, signal), signal);
    };
  return bindService(DeliveryService, {
    listDeliveries: within(
      options.slots,
      async ({ workspaceId, request = create(ListDeliveriesRequestSchema) }, signal) => ({
        response: await listDeliveries(table, workspaceId, request, signal),
      }),
    ),
    getDelivery: within(options.slots, (request, signal) => getDelivery(table, request, signal)),
    listPlacedDeliveries: within(options.readerSlots, (request, signal) =>
      listPlacedDeliveries(options, request, signal),
    ),
    readStoredEvents: within(options.readerSlots, (request, signal) =>
      readStoredEvents(options, request, signal),
    ),
  });
}
