import type { DeleteCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import type { AuthStore } from '../auth-store.ts';
import { type CredentialIds, credentialNotFound, refuseEnvironmentCredential } from './credential-ids.ts';

const ATTEMPTS = 10;

/** Removes a credential for good; `not_found` across workspaces. */
export async function deleteCredential(
  dependencies: { credentials: AuthStore['credentials']; ids: CredentialIds },
  request: DeleteCredentialRequest,
): Promise<void> {
  const { credentials, ids } = dependencies;
  const recordKey = ids.find(request.workspaceId, request.id);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await credentials.read(recordKey);
    if (stored === undefined) throw credentialNotFound();
    refuseEnvironmentCredential(stored.value);
    if ((await credentials.remove(recordKey, stored.revision)).kind === 'written') return;
  }
  throw new MillraceError('aborted', 'the credential is being changed by others, try again');
}
