import {
  AuthService,
  CredentialKind,
  type GetCredentialRequest,
  type ListCredentialsRequest,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { bindService, type Clock, fieldError, type GrpcServiceBinding } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { AuthStore } from '../store/auth-store.ts';
import { type CredentialIds, credentialNotFound } from '../store/credential-ids.ts';
import { type CredentialRecord, kindOf, toCredentialMessage } from '../store/credential-record.ts';
import { toVerifyResponse, type Verdict } from '../verify.ts';
import type { IssueCredential } from './create-credential.ts';
import { createCredential } from './create-credential.ts';
import { rotateCredential } from './rotate-credential.ts';
import { deleteCredential, updateCredential } from './update-credential.ts';

/** Secrets in a request of VerifyBatch. */
const MAX_BATCH = 1_000;

/** `millrace.auth.v1.AuthService` over the use cases. */
export function createAuthService(options: {
  store: AuthStore;
  ids: CredentialIds;
  issue: IssueCredential;
  audit: AuditLog;
  clock: Clock;
  verify: (secret: string) => Verdict | Promise<Verdict>;
}): GrpcServiceBinding {
  return bindService(AuthService, {
    verify: async (request) => toVerifyResponse(await options.verify(request.secret)),
    async verifyBatch({ secrets }) {
      if (secrets.length > MAX_BATCH) throw fieldError('secrets', `at most ${MAX_BATCH}`);
      const verdicts = await Promise.all(secrets.map(options.verify));
      return { verdicts: verdicts.map(toVerifyResponse) };
    },
    async createCredential(request) {
      const { record, secret } = await createCredential(options, request);
      return { credential: toCredentialMessage(record), secret };
    },
    async listCredentials(request) {
      const { page, nextPageToken } = listCredentials(options.ids, request);
      return { credentials: page.map(toCredentialMessage), nextPageToken };
    },
    getCredential: async (request) => ({ credential: toCredentialMessage(getCredential(options, request)) }),
    updateCredential: async (request) => ({
      credential: toCredentialMessage(await updateCredential(options, request)),
    }),
    async rotateCredential(request) {
      const { record, secret } = await rotateCredential(options, request);
      return { credential: toCredentialMessage(record), secret };
    },
    async deleteCredential(request) {
      await deleteCredential(options, request);
      return {};
    },
  });
}

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 200;
const PAGE_TOKEN = /^[0-9a-f-]{36}$/;

/** Lists a workspace's credentials, newest first; a page token is the last id of the page before. */
function listCredentials(
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
function getCredential(
  dependencies: { store: AuthStore; ids: CredentialIds },
  request: GetCredentialRequest,
): CredentialRecord {
  const { store, ids } = dependencies;
  const record = store.credentials.get(ids.find(request.workspaceId, request.id))?.value;
  if (record === undefined) throw credentialNotFound();
  return record;
}
