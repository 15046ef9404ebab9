import { createHash } from 'node:crypto';
import { MillraceError, waitWithin } from '@millrace/runtime';
import { DiscardPolicy, headers, RetentionPolicy, StorageType } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { ensureStream } from '../ensure-stream.ts';

/** The stream of what is delivered to queues. */
export const DELIVERIES_STREAM = 'DELIVERIES';

/** An event for a queue's consumers. */
export interface QueuedDelivery {
  readonly workspaceId: string;
  /** Letters, digits, `-` and `_`. */
  readonly queue: string;
  /** Constant over all attempts: the header `webhook-id`. */
  readonly id: string;
  /** By which the server drops copies of the last two minutes. */
  readonly messageId: string;
  readonly eventType: string;
  readonly attempt: number;
  readonly body: Buffer;
}

/** Puts deliveries into queues. */
export interface DeliveryQueue {
  /** Resolves when it is on disk. Throws MillraceError `unavailable`. */
  put(delivery: QueuedDelivery): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1_000;
const MAX_BYTES = 1024 * 1024 * 1024;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/** Opens it, making the stream when it is missing: a week's deliveries, the oldest leave when it is full. */
export async function openDeliveryQueue(options: {
  connection: NatsConnection;
  /** Copies of each message: 3 in a cluster, 1 otherwise. */
  replicas: number;
}): Promise<DeliveryQueue> {
  const { connection } = options;
  await waitWithin(connection.startup, `the stream ${DELIVERIES_STREAM}`, async () => {
    const manager = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
    await ensureStream(manager, {
      name: DELIVERIES_STREAM,
      subjects: ['deliveries.*.*'],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: MAX_AGE_MS * 1e6,
      max_bytes: MAX_BYTES,
      num_replicas: options.replicas,
    });
  });
  const js = connection.jetstream({ timeout: REQUEST_TIMEOUT_MS });
  return {
    async put({ workspaceId, queue, id, messageId, eventType, attempt, body }) {
      const marks = headers();
      marks.set('webhook-id', id);
      marks.set('X-Webhook-Event', encodeURIComponent(eventType));
      marks.set('X-Webhook-Attempt', String(attempt));
      try {
        await js.publish(deliverySubject(workspaceId, queue), body, { msgID: messageId, headers: marks });
      } catch (cause) {
        throw new MillraceError('unavailable', 'the queue did not take the event', { cause });
      }
    },
  };
}

/** The subject of a queue. A workspace's id that is no token of a subject is hashed. */
export function deliverySubject(workspaceId: string, queue: string): string {
  const token = TOKEN.test(workspaceId)
    ? workspaceId
    : createHash('sha256').update(workspaceId).digest('hex').slice(0, 32);
  return `deliveries.${token}.${queue}`;
}
