import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
} from 'nats';
import { AUDIT_STREAM, ensureAuditStream } from './stream.ts';

/** The durable consumer that every writer of the audit log shares. */
export const AUDIT_CONSUMER = 'audit-writer';

/** Lent at a time, to all writers together: bounds what each of them holds in memory. */
const MAX_LENT = 10_000;
const REQUEST_TIMEOUT_MS = 3_000;
const CONSUMER_NOT_FOUND = 10014;

/** Makes the stream and the consumer, or brings them up to date. */
export async function ensureAuditConsumer(options: {
  connection: NatsConnection;
  replicas: number;
  /** Milliseconds after which a message that nobody answered is lent again. */
  ackWaitMs: number;
}): Promise<void> {
  const { connection } = options;
  await ensureAuditStream(connection, options.replicas);
  const manager = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
  await ensureConsumer(manager, {
    durable_name: AUDIT_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(options.ackWaitMs),
    max_ack_pending: MAX_LENT,
    max_deliver: -1,
  });
}

async function ensureConsumer(
  manager: JetStreamManager,
  config: Partial<ConsumerConfig> & { durable_name: string },
): Promise<void> {
  try {
    await manager.consumers.info(AUDIT_STREAM, config.durable_name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== CONSUMER_NOT_FOUND) throw error;
    await manager.consumers.add(AUDIT_STREAM, config);
    return;
  }
  await manager.consumers.update(AUDIT_STREAM, config.durable_name, config);
}
