import {
  CredentialKind,
  type GetCredentialRequest,
  type ListCredentialsRequest,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { type CredentialIds, credentialNotFound } from '../store/credential-ids.ts';
import { type CredentialRecord, kindOf } from '../store/credential-record.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 200;
const PAGE_TOKEN = /^[0-9a-f-]{36}$/;

/** Lists a workspace's credentials, newest first; a page token is the last id of the page before. */
export function listCredentials(
  ids: CredentialIds,
  request: ListCredentialsRequest,
): { page: CredentialRecord[]; nextPageToken: string } {
  if (request.pageToken !== '' && !PAGE_TOKEN.test(request.pageToken)) {
    throw fieldError('page_token', 'not one of ours');
  }
  const size = Math.min(request.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const matching = [...ids.of(request.workspaceId)]
    .map(({ value }) => value)
    .filter(({ userId }) => request.userId === '' || userId === request.userId)
    .filter(({ kind }) => request.kind === CredentialKind.UNSPECIFIED || kindOf(kind) === request.kind)
    // The ids are UUIDv7: their order is that of their making.
    .filter(({ id }) => request.pageToken === '' || id < request.pageToken)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const page = matching.slice(0, size);
  return { page, nextPageToken: matching.length > size ? (page.at(-1)?.id ?? '') : '' };
}

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
