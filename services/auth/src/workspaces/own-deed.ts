import type { AuditLog, Deed } from '@millrace/stores';
import type { UserRecord } from '../store/user-record.ts';

/** The request by which somebody signed in. */
export interface Origin {
  readonly ipAddress: string;
  readonly requestId: string;
}

/** Records what a person brought about by signing in, before they had a credential. */
export async function recordOwnDeed(
  dependencies: { audit: AuditLog; origin?: Origin },
  deed: Pick<Deed, 'workspaceId' | 'action' | 'target' | 'details'> & { user: UserRecord },
): Promise<void> {
  const { user, ...rest } = deed;
  const { ipAddress, requestId } = dependencies.origin ?? { ipAddress: '', requestId: '' };
  await dependencies.audit.record({
    ...rest,
    outcome: 'succeeded',
    actor: { userId: user.id, credentialId: '', ipAddress, requestId },
  });
}
