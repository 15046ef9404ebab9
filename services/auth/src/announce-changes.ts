import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import type { Logger } from '@millrace/runtime';
import type { NatsConnection, RecordChange } from '@millrace/stores';
import type { AuthMetrics } from './metrics.ts';
import type { AuthStore } from './store/auth-store.ts';
import type { CredentialRecord } from './store/credential-record.ts';
import type { UserRecord } from './store/user-record.ts';
import type { RateLimit, WorkspaceRecord } from './store/workspace-record.ts';

/** The subject of `CredentialChanged`. */
export const CREDENTIAL_CHANGED_SUBJECT = 'millrace.auth.changed';

type Announcement = MessageInitShape<typeof CredentialChangedSchema>;

/**
 * Announces each change that makes a cached verdict wrong, when this replica's own index shows it.
 * Every replica does so: one that had not yet seen a revocation may have answered with the old verdict just after
 * the first announcement, and only its own tells the caches to drop that answer too.
 */
export function announceChanges(options: {
  store: AuthStore;
  connection: NatsConnection;
  metrics: AuthMetrics;
  log: Logger;
}): void {
  const { store, connection, metrics, log } = options;
  const announce = (announcements: readonly Announcement[]): void => {
    for (const announcement of announcements) {
      try {
        const message = create(CredentialChangedSchema, announcement);
        connection.publish(CREDENTIAL_CHANGED_SUBJECT, toBinary(CredentialChangedSchema, message));
        metrics.changes.add([]);
      } catch (error) {
        // The connection is closing; caches hold their verdicts 30 s at most.
        log.warn({ err: error, ...announcement }, 'a change could not be announced');
      }
    }
  };
  store.credentials.onChange((change) => announce(ofCredential(change)));
  store.users.onChange((change) => announce(ofUser(change)));
  store.workspaces.onChange((change) => announce(ofWorkspace(change)));
}

function ofCredential(change: RecordChange<CredentialRecord>): Announcement[] {
  if (change.kind === 'put' && change.previous && sameVerdict(change.previous, change.value)) return [];
  const { id } = change.kind === 'put' ? change.value : change.previous;
  return [{ credentialId: id }];
}

function ofUser(change: RecordChange<UserRecord>): Announcement[] {
  if (change.kind === 'removed') return [{ userId: change.previous.id }];
  const { previous, value } = change;
  return previous?.sessionsValidFromMs === value.sessionsValidFromMs ? [] : [{ userId: value.id }];
}

function ofWorkspace(change: RecordChange<WorkspaceRecord>): Announcement[] {
  // A new one too: its first credential may have been asked for, and refused, before it was known here.
  if (change.kind === 'removed') return [{ workspaceId: change.previous.id }];
  const { previous, value } = change;
  const isOtherwise = previous?.deletion?.id !== value.deletion?.id;
  if (previous === undefined || isOtherwise || !sameLimits(previous.rateLimit, value.rateLimit)) {
    return [{ workspaceId: value.id }];
  }
  const before = new Map(previous.members.map(({ userId, role }) => [userId, role]));
  const after = new Map(value.members.map(({ userId, role }) => [userId, role]));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((userId) => before.get(userId) !== after.get(userId))
    .map((userId) => ({ userId }));
}

function sameVerdict(before: CredentialRecord, after: CredentialRecord): boolean {
  return (
    before.active === after.active &&
    before.workspaceId === after.workspaceId &&
    before.userId === after.userId &&
    before.expiresAtMs === after.expiresAtMs &&
    before.kind === after.kind &&
    before.permissions.join('\n') === after.permissions.join('\n') &&
    sameLimits(before.rateLimit, after.rateLimit)
  );
}

function sameLimits(before: RateLimit | null, after: RateLimit | null): boolean {
  return before?.requestsPerMinute === after?.requestsPerMinute && before?.burst === after?.burst;
}
