import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import type { CredentialVerifier, Grant } from '../src/clients/credentials.ts';
import { WORKSPACE_ID } from './dialect-harness.ts';

/** The user of every session of a test. */
export const USER_ID = '01890000-0000-7000-8000-00000000a5e5';

/** A verifier that knows just these secrets. */
export function granting(grants: Readonly<Record<string, Partial<Grant>>>): CredentialVerifier {
  return {
    verify(secret) {
      const grant = grants[secret];
      if (grant === undefined) return { kind: 'refused', refusal: Refusal.UNKNOWN };
      return {
        kind: 'granted',
        credentialId: `id of ${secret}`,
        workspaceId: WORKSPACE_ID,
        userId: '',
        permissions: new Set(),
        credentialKind: CredentialKind.SECRET_KEY,
        expiresAtMs: undefined,
        rateLimit: undefined,
        ...grant,
      };
    },
  };
}

/** The grant of somebody who has signed in. */
export function session(...permissions: string[]): Partial<Grant> {
  return { userId: USER_ID, credentialKind: CredentialKind.SESSION, permissions: new Set(permissions) };
}
