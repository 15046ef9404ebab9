import { create, toBinary } from '@bufbuild/protobuf';
import { AuditEntrySchema } from '@millrace/contracts/millrace/audit/v1/audit';
import { type Clock, MillraceError, uuidv7 } from '@millrace/runtime';
import type { NatsConnection } from '../connect.ts';
import { AUDIT_SUBJECT, ensureAuditStream } from './stream.ts';

/** Something that was done, or refused. */
export interface Deed {
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

/** Where deeds are told; from there they come into the table `audit_log`. */
export interface AuditLog {
  /** Returns when the deed is on disk; throws MillraceError `unavailable` when that is not known. */
  record(deed: Deed): Promise<void>;
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
    async record(deed) {
      const atMs = clock.now();
      const id = uuidv7(atMs);
      const entry = create(AuditEntrySchema, {
        id,
        workspaceId: deed.workspaceId,
        atMs: BigInt(atMs),
        action: deed.action,
        outcome: deed.outcome,
        actorUserId: deed.actor.userId,
        actorCredentialId: deed.actor.credentialId,
        targetType: deed.target.type,
        targetId: deed.target.id,
        detailsJson: JSON.stringify(deed.details ?? {}),
        ipAddress: deed.actor.ipAddress,
        requestId: deed.actor.requestId,
      });
      try {
        await js.publish(AUDIT_SUBJECT, toBinary(AuditEntrySchema, entry), { msgID: id });
      } catch (cause) {
        throw new MillraceError('unavailable', 'the audit log does not answer', { cause });
      }
    },
  };
}
