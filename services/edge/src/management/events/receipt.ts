import type { MessageShape } from '@bufbuild/protobuf';
import type { GetReceiptResponseSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { StoredEvent } from '@millrace/contracts/millrace/api/v1/analytics';
import { MillraceError } from '@millrace/runtime';

type Answer = MessageShape<typeof GetReceiptResponseSchema>;

/** How far an event has come. */
export interface Receipt {
  readonly event: StoredEvent;
  /** `accepted` is durable and waits to be stored, `dead_letter` could not be. */
  readonly status: 'stored' | 'accepted' | 'dead_letter';
  /** Empty for none. */
  readonly deadLetterId: string;
  readonly deliveries: Answer['deliveries'];
}

/** What the service says of an event, in the terms of both APIs. */
export function toReceipt({ event, stored, deadLetterId, deliveries }: Answer): Receipt {
  if (event === undefined) throw new MillraceError('internal', 'a receipt without an event');
  const status = stored ? 'stored' : deadLetterId === '' ? 'accepted' : 'dead_letter';
  return { event, status, deadLetterId, deliveries };
}
