import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { AuditLog } from '@millrace/stores';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import { credentialDeed } from './credential-deed.ts';

/** What deactivating somebody's keys needs. */
export interface RevocationDependencies {
  readonly store: AuthStore;
  readonly audit: AuditLog;
  readonly ids: CredentialIds;
}

/** Keys that are changed at the same time. */
const CONCURRENCY = 16;

/** Deactivates every credential that was issued to a user in a workspace and answers how many there were. */
export async function revokeKeysOf(
  dependencies: RevocationDependencies,
  options: { workspaceId: string; userId: string; actor: Actor },
): Promise<number> {
  const { store, audit, ids } = dependencies;
  const { workspaceId, userId, actor } = options;
  const due = [...ids.of(workspaceId)].filter(
    ({ value }) => value.userId === userId && value.active && value.environmentName === null,
  );
  const queue = due.values();
  let revoked = 0;
  const work = async (): Promise<void> => {
    for (const { recordKey } of queue) {
      const changed = await changeRecord(store.credentials, recordKey, (record) => ({
        ...record,
        active: false,
      }));
      if (changed === undefined) continue;
      await audit.record({
        ...credentialDeed('credential.deactivated', { record: changed, actor }),
        outcome: 'succeeded',
      });
      revoked++;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return revoked;
}
