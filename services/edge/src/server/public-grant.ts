import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { AUTH_CALL, type AuthGateway } from '../clients/auth.ts';
import type { Grant } from '../clients/credentials.ts';
import type { PublicConfig } from '../config.ts';

/** Asks for the grant of callers without a credential; undefined where no workspace is public. */
export type PublicGrant = () => Promise<Grant | undefined>;

/**
 * The grant of callers without a credential, who may read the figures of one workspace; undefined where the settings name none.
 * Fails with MillraceError `unavailable` while auth can't say which is the default workspace.
 */
export function createPublicGrant(
  {
    ANALYTICS_PUBLIC_WORKSPACE,
    MILLRACE_ENV,
  }: Pick<PublicConfig, 'ANALYTICS_PUBLIC_WORKSPACE' | 'MILLRACE_ENV'>,
  auth: Pick<AuthGateway, 'workspaces'>,
): PublicGrant {
  const named = ANALYTICS_PUBLIC_WORKSPACE ?? (MILLRACE_ENV === 'development' ? 'default' : '');
  if (named === '') return async () => undefined;
  let known = named === 'default' ? undefined : readerOf(named);
  return async () => {
    known ??= readerOf((await auth.workspaces.getDefaultWorkspace({}, AUTH_CALL)).workspaceId);
    return known;
  };
}

function readerOf(workspaceId: string): Grant {
  return {
    kind: 'granted',
    credentialId: '',
    workspaceId,
    userId: '',
    permissions: new Set(['analytics:read']),
    credentialKind: CredentialKind.UNSPECIFIED,
    expiresAtMs: undefined,
    rateLimit: undefined,
  };
}
