import { create, toBinary } from '@bufbuild/protobuf';
import { AuditEntrySchema } from '@millrace/contracts/millrace/audit/v1/audit';
import { type Clock, MillraceError, uuidv7, waitWithin } from '@millrace/runtime';
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
    // Whoever deletes a workspace reads through them.
    allow_direct: true,
  });
}

/** Something that was done, or refused. */
export interface NewAuditEntry {
  readonly workspaceId: string;
  /** For example `credential.created`. */
  readonly action: string;
  readonly outcome: 'succeeded' | 'refused';
  readonly actor: {
    readonly userId: string;
    readonly credentialId: string;
    readonly ipAddress: string;
    readonly requestId: string;
  };
  readonly target: { readonly type: string; readonly id: string };
  /** What changed; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Where entries are recorded; from there they come into the table `audit_log`. */
export interface AuditLog {
  /** Returns when the entry is on disk; throws MillraceError `unavailable` when that is not known. */
  record(entry: NewAuditEntry): Promise<void>;
}

const ACK_TIMEOUT_MS = 3_000;

/** Opens the log of this installation, making its stream when it is missing. */
export async function openAuditLog(options: {
  connection: NatsConnection;
  /** Copies of each entry: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
}): Promise<AuditLog> {
  const { connection, clock } = options;
  await ensureAuditStream(connection, options.replicas);
  const js = connection.jetstream({ timeout: ACK_TIMEOUT_MS });
  return {
    async record(entry) {
      const atMs = clock.now();
      const id = uuidv7(atMs);
      const message = create(AuditEntrySchema, {
        id,
        workspaceId: entry.workspaceId,
        atMs: BigInt(atMs),
        action: entry.action,
        outcome: entry.outcome,
        actorUserId: entry.actor.userId,
        actorCredentialId: entry.actor.credentialId,
        targetType: entry.target.type,
        targetId: entry.target.id,
        detailsJson: JSON.stringify(entry.details ?? {}),
        ipAddress: entry.actor.ipAddress,
        requestId: entry.actor.requestId,
      });
      try {
        await js.publish(AUDIT_SUBJECT, toBinary(AuditEntrySchema, message), { msgID: id });
      } catch (cause) {
        throw new MillraceError('unavailable', 'the audit log does not answer', { cause });
      }
    },
  };
}
