import { MillraceError } from '@millrace/runtime';
import type { AuditLog, Deed } from '@millrace/stores';

/** Does what is asked and, when the actor may not do that, records the refusal before it is answered. */
export async function recordingRefusals<T>(
  audit: AuditLog,
  deed: Omit<Deed, 'outcome'>,
  attempt: () => T | Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'permission_denied') {
      const details = { ...deed.details, reason: error.message };
      await audit.record({ ...deed, outcome: 'refused', details });
    }
    throw error;
  }
}
