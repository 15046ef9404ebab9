import { timestampMs } from '@bufbuild/protobuf/wkt';
import { AuthService, Refusal, type VerifyResponse } from '@millrace/contracts/millrace/auth/v1/auth';
import { createGrpcClient, MillraceError, type ServiceToken } from '@millrace/runtime';
import type { CredentialLookup, Verdict } from './credentials.ts';

const DEADLINE_MS = 2_000;

/** Asks the auth service by gRPC; a call ends after 2 s at most. */
export function createGrpcCredentialLookup(options: {
  /** `host:port` of auth. */
  address: string;
  token: ServiceToken;
}): { lookUp: CredentialLookup; close(): void } {
  const client = createGrpcClient(AuthService, options);
  return {
    lookUp: async (secret) => toVerdict(await client.methods.verify({ secret }, { timeoutMs: DEADLINE_MS })),
    close: () => client.close(),
  };
}

function toVerdict(response: VerifyResponse): Verdict {
  if (response.refusal !== Refusal.UNSPECIFIED) return { kind: 'refused', refusal: response.refusal };
  if (response.credentialId === '' || response.workspaceId === '') {
    throw new MillraceError('internal', 'auth answered a verdict that names nobody');
  }
  return {
    kind: 'granted',
    credentialId: response.credentialId,
    workspaceId: response.workspaceId,
    userId: response.userId,
    permissions: new Set(response.permissions),
    credentialKind: response.kind,
    expiresAtMs: response.expiresAt ? timestampMs(response.expiresAt) : undefined,
    rateLimit: response.rateLimit,
  };
}
