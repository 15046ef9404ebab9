import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type {
  DeleteCredentialRequest,
  UpdateCredentialRequest,
} from '@millrace/contracts/millrace/auth/v1/auth';
import type { Clock } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { recordingRefusals, requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord, removeRecord } from '../store/change-record.ts';
import {
  type CredentialIds,
  credentialNotFound,
  refuseEnvironmentCredential,
} from '../store/credential-ids.ts';
import type { CredentialRecord } from '../store/credential-record.ts';
import { checkedRateLimit } from '../store/workspace-record.ts';
import {
  checkedName,
  checkedPermissions,
  credentialEntry,
  judgeGiving,
  requireRoomForCredential,
} from './credential-rules.ts';

/** Changes what the request sets and leaves the rest; `not_found` across workspaces. */
export async function updateCredential(
  dependencies: { store: AuthStore; ids: CredentialIds; audit: AuditLog; clock: Clock },
  request: UpdateCredentialRequest,
): Promise<CredentialRecord> {
  const { store, ids, audit, clock } = dependencies;
  const actor = requiredActor(request.actor);
  const changes = checkedChanges(request);
  const { active } = request;
  const { workspaceId, id } = request;
  const recordKey = ids.find(workspaceId, id);
  const { requireGivable } = await judgeGiving({ store, ids, workspaceId, actor });
  const attempted = {
    workspaceId,
    action: 'credential.updated',
    actor,
    target: { type: 'credential', id },
    details: { changes: { ...changes, active } },
  };
  const changed = await recordingRefusals(audit, attempted, () =>
    changeRecord(store.credentials, recordKey, (record) => {
      refuseEnvironmentCredential(record);
      const next = { ...record, ...changes, active: active ?? record.active };
      if (changes.permissions !== undefined) requireGivable(changes.permissions);
      if (next.active && !record.active) {
        // Who makes a credential work again gives what it may do.
        requireGivable(next.permissions);
        requireRoomForCredential(ids, record.workspaceId, clock.now());
      }
      return next;
    }),
  );
  if (changed === undefined) throw credentialNotFound();
  if (Object.keys(changes).length > 0) {
    await recordChange(audit, 'credential.updated', { record: changed, actor, details: { changes } });
  }
  if (active !== undefined) {
    const action = active ? 'credential.reactivated' : 'credential.deactivated';
    await recordChange(audit, action, { record: changed, actor });
  }
  return changed;
}

type Changes = Partial<Pick<CredentialRecord, 'name' | 'permissions' | 'rateLimit'>>;

function checkedChanges(request: UpdateCredentialRequest): Changes {
  const { name, permissions, rateLimit } = request;
  return {
    ...(name === undefined ? {} : { name: checkedName(name) }),
    ...(permissions === undefined ? {} : { permissions: checkedPermissions(permissions.values) }),
    ...(rateLimit === undefined ? {} : { rateLimit: checkedRateLimit(rateLimit) }),
  };
}

async function recordChange(
  audit: AuditLog,
  action: string,
  change: { record: CredentialRecord; actor: Actor; details?: Readonly<Record<string, unknown>> },
): Promise<void> {
  await audit.record({ ...credentialEntry(action, change), outcome: 'succeeded' });
}

/** Removes a credential for good; `not_found` across workspaces. */
export async function deleteCredential(
  dependencies: { store: AuthStore; ids: CredentialIds; audit: AuditLog },
  request: DeleteCredentialRequest,
): Promise<void> {
  const { store, ids, audit } = dependencies;
  const actor = requiredActor(request.actor);
  const recordKey = ids.find(request.workspaceId, request.id);
  const removed = await removeRecord(store.credentials, recordKey, refuseEnvironmentCredential);
  if (removed === undefined) throw credentialNotFound();
  await audit.record({
    ...credentialEntry('credential.deleted', { record: removed, actor }),
    outcome: 'succeeded',
  });
}

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
        ...credentialEntry('credential.deactivated', { record: changed, actor }),
        outcome: 'succeeded',
      });
      revoked++;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return revoked;
}
