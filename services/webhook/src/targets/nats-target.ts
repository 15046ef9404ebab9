import { type Clock, toMillraceError } from '@millrace/runtime';
import type { DeliveryQueue } from '@millrace/stores';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { AttemptedDelivery } from '../engine/delivery.ts';
import type { AttemptResult } from './target.ts';

/** Puts events into queues of the stream `DELIVERIES`, for consumers within the cluster. */
export function createNatsTarget(options: {
  queue: DeliveryQueue;
  clock: Clock;
}): (endpoint: LiveEndpoint, delivery: AttemptedDelivery) => Promise<AttemptResult> {
  const { queue, clock } = options;
  return async ({ workspaceId, record }, { id, event, attempt, cause }) => {
    const { target } = record;
    if (target.kind !== 'nats') throw new TypeError('not an endpoint with a queue');
    const began = clock.monotonic();
    const nothing = { status: 0, response: Buffer.alloc(0), address: '' };
    try {
      const { eventType } = event.fields;
      // What somebody asks for again is a message of its own; what is only made again is the same.
      const messageId = cause === 'event' ? id : `${id}.${attempt}`;
      const { body } = event;
      await queue.put({ workspaceId, queue: target.queue, id, messageId, eventType, attempt, body });
      return { kind: 'delivered', error: '', ...nothing, tookMs: clock.monotonic() - began };
    } catch (error) {
      const { message } = toMillraceError(error);
      return { kind: 'failed', error: message, ...nothing, tookMs: clock.monotonic() - began };
    }
  };
}
