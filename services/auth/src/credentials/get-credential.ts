import type { GetCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import type { AuthStore } from '../store/auth-store.ts';
import { type CredentialIds, credentialNotFound } from '../store/credential-ids.ts';
import type { CredentialRecord } from '../store/credential-record.ts';

/** Reads one credential; `not_found` across workspaces. */
export function getCredential(
  dependencies: { store: AuthStore; ids: CredentialIds },
  request: GetCredentialRequest,
): CredentialRecord {
  const { store, ids } = dependencies;
  const record = store.credentials.get(ids.find(request.workspaceId, request.id))?.value;
  if (record === undefined) throw credentialNotFound();
  return record;
}
