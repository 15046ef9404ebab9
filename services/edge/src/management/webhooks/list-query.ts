import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DeliveryStatus,
  type ListDeliveriesRequestSchema,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { z } from 'zod';
import { boundedText, timestamp } from '../../request/json-types.ts';
import { countText, cursor, readQuery } from '../../request/query-string.ts';
import { STATUSES } from './delivery-json.ts';

const pageLength = countText(200, { default: 50 });

/** Query of a list of endpoints; parameters that it doesn't know are left alone. */
export const pageQuery = z.object({ limit: pageLength.optional(), cursor: cursor().optional() });

/** Query of a list of deliveries; parameters that it doesn't know are left alone. */
export const deliveriesQuery = z.object({
  status: z
    .enum(STATUSES, { error: `must be one of ${STATUSES.join(', ')}` })
    .describe('only these')
    .optional(),
  event: boundedText(1, 255).describe('only of this event type').optional(),
  eventId: boundedText(1, 255).describe('only of this event').optional(),
  from: timestamp().describe('attempted first at or after').optional(),
  to: timestamp().describe('attempted first before; now when absent').optional(),
  limit: pageLength.optional(),
  cursor: cursor().optional(),
});

/** Which deliveries of an endpoint a query asks for. Throws RequestFailure `invalid` naming each wrong parameter. */
export function decodeDeliveriesQuery(
  endpointId: string,
  search: URLSearchParams,
): MessageInitShape<typeof ListDeliveriesRequestSchema> {
  const {
    status,
    event = '',
    eventId = '',
    from,
    to,
    limit = 0,
    cursor: pageToken = '',
  } = readQuery(search, deliveriesQuery);
  return {
    ...{ endpointId, event, eventId, pageToken },
    status: status === undefined ? DeliveryStatus.UNSPECIFIED : DeliveryStatus[status],
    pageSize: limit,
    ...(from !== undefined && { from: timestampFromMs(from) }),
    ...(to !== undefined && { to: timestampFromMs(to) }),
  };
}
