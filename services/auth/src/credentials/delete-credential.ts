import type { DeleteCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import type { AuditLog } from '@millrace/stores';
import { requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { removeRecord } from '../store/change-record.ts';
import {
  type CredentialIds,
  credentialNotFound,
  refuseEnvironmentCredential,
} from '../store/credential-ids.ts';
import { credentialDeed } from './credential-deed.ts';

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
    ...credentialDeed('credential.deleted', { record: removed, actor }),
    outcome: 'succeeded',
  });
}
