import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { bindService, type GrpcServiceBinding } from '@millrace/runtime';
import type { AuthStore } from './auth-store.ts';
import type { createCreateCredential } from './create-credential.ts';
import type { CredentialIds } from './credential-ids.ts';
import { toCredentialMessage } from './credential-record.ts';
import { deleteCredential } from './delete-credential.ts';
import { getCredential } from './get-credential.ts';
import { listCredentials } from './list-credentials.ts';
import { updateCredential } from './update-credential.ts';
import { toVerifyResponse, type Verdict } from './verdict.ts';

/** `millrace.auth.v1.AuthService` over the use cases. */
export function createAuthService(options: {
  credentials: AuthStore['credentials'];
  ids: CredentialIds;
  verify: (secret: string) => Verdict;
  createCredential: ReturnType<typeof createCreateCredential>;
}): GrpcServiceBinding {
  const { credentials } = options;
  return bindService(AuthService, {
    verify: async (request) => toVerifyResponse(options.verify(request.secret)),
    async createCredential(request) {
      const { record, secret } = await options.createCredential(request);
      return { credential: toCredentialMessage(record), secret };
    },
    async listCredentials(request) {
      const { page, nextPageToken } = listCredentials(credentials, request);
      return { credentials: page.map(toCredentialMessage), nextPageToken };
    },
    getCredential: async (request) => ({ credential: toCredentialMessage(getCredential(options, request)) }),
    updateCredential: async (request) => ({
      credential: toCredentialMessage(await updateCredential(options, request)),
    }),
    async deleteCredential(request) {
      await deleteCredential(options, request);
      return {};
    },
  });
}
