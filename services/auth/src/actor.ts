import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { AuditLog, NewAuditEntry } from '@millrace/stores';
import type { UserRecord } from './store/user-record.ts';

/** Who asks for a change; `invalid_argument` when nobody is named: no change goes unattributed. */
export function requiredActor(actor: Actor | undefined): Actor {
  if (actor === undefined) throw fieldError('actor', 'is required');
  return actor;
}

/** Whether permissions contain one; `*` contains every one. */
export function allows(permissions: readonly string[], permission: string): boolean {
  return permissions.includes('*') || permissions.includes(permission);
}

/** Does what is asked and, when the actor may not do that, records the refusal before it is answered. */
export async function recordingRefusals<T>(
  audit: AuditLog,
  entry: Omit<NewAuditEntry, 'outcome'>,
  attempt: () => T | Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'permission_denied') {
      const details = { ...entry.details, reason: error.message };
      await audit.record({ ...entry, outcome: 'refused', details });
    }
    throw error;
  }
}

/** The request by which somebody signed in. */
export interface Origin {
  readonly ipAddress: string;
  readonly requestId: string;
}

/** Records what a person brought about by signing in, before they had a credential. */
export async function recordOwnEntry(
  dependencies: { audit: AuditLog; origin?: Origin },
  entry: Pick<NewAuditEntry, 'workspaceId' | 'action' | 'target' | 'details'> & { user: UserRecord },
): Promise<void> {
  const { user, ...rest } = entry;
  const { ipAddress, requestId } = dependencies.origin ?? { ipAddress: '', requestId: '' };
  await dependencies.audit.record({
    ...rest,
    outcome: 'succeeded',
    actor: { userId: user.id, credentialId: '', ipAddress, requestId },
  });
}
