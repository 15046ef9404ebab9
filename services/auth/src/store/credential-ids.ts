import { MillraceError } from '@millrace/runtime';
import type { AuthStore } from './auth-store.ts';
import type { CredentialRecord } from './credential-record.ts';

/** Finds credentials by their public id and by their workspace, from memory. */
export interface CredentialIds {
  /** The record key; `not_found` when the workspace has no such credential. */
  find(workspaceId: string, id: string): string;
  has(workspaceId: string, id: string): boolean;
  /** All of a workspace's, in no order. */
  of(workspaceId: string): Iterable<{ readonly recordKey: string; readonly value: CredentialRecord }>;
}

/** Keeps the ids of all credentials in memory, following the index. */
export function indexCredentialIds(credentials: AuthStore['credentials']): CredentialIds {
  const recordKeys = new Map<string, string>();
  const byWorkspace = new Map<string, Set<string>>();

  const forget = (recordKey: string, { id, workspaceId }: CredentialRecord): void => {
    recordKeys.delete(id);
    const ofWorkspace = byWorkspace.get(workspaceId);
    ofWorkspace?.delete(recordKey);
    if (ofWorkspace?.size === 0) byWorkspace.delete(workspaceId);
  };
  const remember = (recordKey: string, { id, workspaceId }: CredentialRecord): void => {
    recordKeys.set(id, recordKey);
    const ofWorkspace = byWorkspace.get(workspaceId);
    if (ofWorkspace === undefined) byWorkspace.set(workspaceId, new Set([recordKey]));
    else ofWorkspace.add(recordKey);
  };

  for (const [recordKey, { value }] of credentials.entries()) remember(recordKey, value);
  credentials.onChange((change) => {
    if (change.previous !== undefined) forget(change.recordKey, change.previous);
    if (change.kind === 'put') remember(change.recordKey, change.value);
  });

  const keyOf = (workspaceId: string, id: string): string | undefined => {
    const recordKey = recordKeys.get(id);
    return recordKey && byWorkspace.get(workspaceId)?.has(recordKey) ? recordKey : undefined;
  };

  return {
    find(workspaceId, id) {
      const recordKey = keyOf(workspaceId, id);
      if (recordKey === undefined) throw credentialNotFound();
      return recordKey;
    },
    has: (workspaceId, id) => keyOf(workspaceId, id) !== undefined,
    *of(workspaceId) {
      for (const recordKey of byWorkspace.get(workspaceId) ?? []) {
        const value = credentials.get(recordKey)?.value;
        if (value !== undefined) yield { recordKey, value };
      }
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
