import { create, toBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import type { Logger } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';
import type { AuthStore } from './auth-store.ts';
import type { CredentialRecord } from './credentials/credential-record.ts';
import type { AuthMetrics } from './metrics.ts';

/** The subject of `CredentialChanged`. */
export const CREDENTIAL_CHANGED_SUBJECT = 'millrace.auth.changed';

/**
 * Announces each change that makes a cached verdict wrong, when this replica's own index shows it.
 * Every replica does so: one that had not yet seen a revocation may have answered with the old verdict just after
 * the first announcement, and only its own tells the caches to drop that answer too.
 */
export function announceChanges(options: {
  credentials: AuthStore['credentials'];
  connection: NatsConnection;
  metrics: AuthMetrics;
  log: Logger;
}): void {
  options.credentials.onChange((change) => {
    if (change.kind === 'put' && change.previous && sameVerdict(change.previous, change.value)) return;
    const { id } = change.kind === 'put' ? change.value : change.previous;
    try {
      options.connection.publish(
        CREDENTIAL_CHANGED_SUBJECT,
        toBinary(CredentialChangedSchema, create(CredentialChangedSchema, { credentialId: id })),
      );
      options.metrics.changes.add([]);
    } catch (error) {
      // The connection is closing; caches hold their verdicts 30 s at most.
      options.log.warn({ err: error, credentialId: id }, 'a change of a credential could not be announced');
    }
  });
}

function sameVerdict(before: CredentialRecord, after: CredentialRecord): boolean {
  return (
    before.active === after.active &&
    before.workspaceId === after.workspaceId &&
    before.userId === after.userId &&
    before.expiresAtMs === after.expiresAtMs &&
    before.kind === after.kind &&
    before.permissions.join('\n') === after.permissions.join('\n') &&
    before.rateLimit?.requestsPerMinute === after.rateLimit?.requestsPerMinute &&
    before.rateLimit?.burst === after.rateLimit?.burst
  );
}
