import type { ApiDeps } from '../../request/api.ts';
import { auditActor, type Requester } from '../actor.ts';

/**
 * Sets for how many days a workspace's events are kept, 0 for ever, whichever way it is asked; returns when the change is in the audit
 * log. Throws MillraceError, `invalid_argument` naming the field among them.
 */
export async function changeRetention(
  { deletions, auditLog }: Pick<ApiDeps, 'deletions' | 'auditLog'>,
  { grant, exchange }: Requester,
  days: number,
): Promise<void> {
  const { workspaceId } = grant;
  const before = await deletions.setRetentionDays(workspaceId, days);
  await auditLog.record({
    workspaceId,
    action: 'retention.changed',
    outcome: 'succeeded',
    actor: auditActor(exchange, grant),
    target: { type: 'workspace', id: workspaceId },
    details: { days: days || null, before: before || null },
  });
}
