import type { UpdateCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import type { AuthStore } from '../auth-store.ts';
import { changeCredential } from './change-credential.ts';
import { type CredentialIds, credentialNotFound, refuseEnvironmentCredential } from './credential-ids.ts';
import { checkedName, checkedPermissions } from './credential-input.ts';
import type { CredentialRecord } from './credential-record.ts';

/** Changes what the request sets and leaves the rest; `not_found` across workspaces. */
export async function updateCredential(
  dependencies: { credentials: AuthStore['credentials']; ids: CredentialIds },
  request: UpdateCredentialRequest,
): Promise<CredentialRecord> {
  const { credentials, ids } = dependencies;
  const name = request.name === undefined ? undefined : checkedName(request.name);
  const permissions = request.permissions && checkedPermissions(request.permissions.values);
  const recordKey = ids.find(request.workspaceId, request.id);
  const changed = await changeCredential(credentials, recordKey, (record) => {
    refuseEnvironmentCredential(record);
    return {
      ...record,
      name: name ?? record.name,
      permissions: permissions ?? record.permissions,
      active: request.active ?? record.active,
    };
  });
  if (changed === undefined) throw credentialNotFound();
  return changed;
}
