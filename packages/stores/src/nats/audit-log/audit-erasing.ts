import { fromBinary } from '@bufbuild/protobuf';
import { AuditEntrySchema } from '@millrace/contracts/millrace/audit/v1/audit';
import { MillraceError, waitWithin } from '@millrace/runtime';
import type { NatsConnection } from '../connect.ts';
import { deleteMessages } from '../delete-messages.ts';
import { AUDIT_STREAM, AUDIT_SUBJECT, ensureAuditStream } from './audit-log.ts';
import { AUDIT_CONSUMER, ensureAuditConsumer } from './audit-reader.ts';

/** The stream of audit entries as whoever deletes a workspace needs it. Throws MillraceError `unavailable`. */
export interface AuditErasing {
  /** The last sequence that was given out: everything recorded until now has this one or a lower one. */
  lastSeq(): Promise<number>;
  /** Whether everything up to here is in the table, or never will be. */
  isStored(throughSeq: number): Promise<boolean>;
  /** Deletes a workspace's entries, bytes and all; tells how many. */
  deleteEntries(workspaceId: string, signal: AbortSignal): Promise<number>;
}

const REQUEST_TIMEOUT_MS = 5_000;

/** Opens it, making the stream and its consumer when they are missing. */
export async function openAuditErasing(options: {
  connection: NatsConnection;
  /** Copies of each entry: 3 in a cluster, 1 otherwise. */
  replicas: number;
}): Promise<AuditErasing> {
  const { connection, replicas } = options;
  await ensureAuditStream(connection, replicas);
  await ensureAuditConsumer({ connection, replicas });
  const manager = await waitWithin(connection.startup, 'JetStream', () =>
    connection.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS }),
  );
  return {
    lastSeq: () => available(async () => (await manager.streams.info(AUDIT_STREAM)).state.last_seq),
    isStored: (throughSeq) =>
      available(async () => {
        const { ack_floor, num_pending, num_ack_pending } = await manager.consumers.info(
          AUDIT_STREAM,
          AUDIT_CONSUMER,
        );
        // What left the stream unread, by its age, moves no floor.
        return ack_floor.stream_seq >= throughSeq || (num_pending === 0 && num_ack_pending === 0);
      }),
    deleteEntries: (workspaceId, signal) =>
      deleteMessages({
        connection,
        streams: manager.streams,
        stream: AUDIT_STREAM,
        subject: AUDIT_SUBJECT,
        isWanted: (message) => isOf(workspaceId, message),
        signal,
      }),
  };
}

function isOf(workspaceId: string, message: Buffer): boolean {
  try {
    return fromBinary(AuditEntrySchema, message).workspaceId === workspaceId;
  } catch {
    // It is nobody's, and the writer of the table has passed over it, too.
    return false;
  }
}

async function available<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new MillraceError('unavailable', 'the audit log does not answer', { cause });
  }
}
