import { MillraceError } from '@millrace/runtime';
import type { AuthStore } from '../auth-store.ts';
import type { CredentialRecord } from './credential-record.ts';

/** Finds credentials by their public id. */
export interface CredentialIds {
  /** The record key; `not_found` when the workspace has no such credential. */
  find(workspaceId: string, id: string): string;
}

/** Keeps the ids of all credentials in memory, following the index. */
export function indexCredentialIds(credentials: AuthStore['credentials']): CredentialIds {
  const recordKeys = new Map<string, string>();
  for (const [recordKey, { value }] of credentials.entries()) recordKeys.set(value.id, recordKey);
  credentials.onChange((change) => {
    if (change.kind === 'put') recordKeys.set(change.value.id, change.recordKey);
    else recordKeys.delete(change.previous.id);
  });
  return {
    find(workspaceId, id) {
      const recordKey = recordKeys.get(id);
      const record = recordKey === undefined ? undefined : credentials.get(recordKey)?.value;
      if (recordKey === undefined || record?.workspaceId !== workspaceId) throw credentialNotFound();
      return recordKey;
    },
  };
}

/** The answer to an id that the workspace doesn't have, whether or not another one has it. */
export function credentialNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such credential');
}

/** Refuses changes of what the environment sets: the next start would undo them. */
export function refuseEnvironmentCredential(record: CredentialRecord | undefined): void {
  if (record !== undefined && record.environmentName !== null) {
    throw new MillraceError(
      'failed_precondition',
      'this credential is set in the environment of the installation and can only be changed there',
    );
  }
}
