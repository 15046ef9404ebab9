import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { bindService, type Clock, fieldError, type GrpcServiceBinding } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import { toCredentialMessage } from '../store/credential-record.ts';
import { toVerifyResponse, type Verdict } from '../verdict.ts';
import { createCredential } from './create-credential.ts';
import type { IssueCredential } from './issue-credential.ts';
import { getCredential, listCredentials } from './list-credentials.ts';
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
