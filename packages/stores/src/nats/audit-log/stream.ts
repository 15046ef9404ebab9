import { waitWithin } from '@millrace/runtime';
import { DiscardPolicy, nanos, RetentionPolicy, StorageType } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { ensureStream } from '../ensure-stream.ts';

/** The stream that audit entries wait in until they are in ClickHouse. */
export const AUDIT_STREAM = 'AUDIT';
/** Its subject. */
export const AUDIT_SUBJECT = 'audit.entries';

/** How long entries stay, whether or not they have been read: an outage of ClickHouse may last that long. */
const MAX_AGE_MS = 30 * 24 * 60 * 60 * 1000;
const MAX_BYTES = 1024 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 3_000;

/** Makes the stream, or brings it up to date. A full one refuses new entries rather than drop old ones. */
export function ensureAuditStream(connection: NatsConnection, replicas: number): Promise<void> {
  return waitWithin(connection.startup, `the stream ${AUDIT_STREAM}`, () => ensureOnce(connection, replicas));
}

async function ensureOnce(connection: NatsConnection, replicas: number): Promise<void> {
  const manager = await connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS });
  await ensureStream(manager, {
    name: AUDIT_STREAM,
    subjects: [AUDIT_SUBJECT],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: nanos(MAX_AGE_MS),
    max_bytes: MAX_BYTES,
    num_replicas: replicas,
  });
}
