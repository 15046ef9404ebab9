import type { Deletion } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { ApiDeps } from '../../request/api.ts';
import { RequestFailure } from '../../server/failure.ts';
import { auditActor, type Requester } from '../actor.ts';

/** When a workspace that has too many unfinished deletions may come again, in seconds. */
export const RETRY_AFTER_SECONDS = 60;

/**
 * Asks that a user's events be deleted, whichever way it is asked; returns when that is in the audit log, which names the job and not the
 * user: the log is kept. Throws RequestFailure `rate_limited`, and MillraceError, `invalid_argument` naming the field among them.
 */
export async function requestDeletion(
  { deletions, auditLog }: Pick<ApiDeps, 'deletions' | 'auditLog'>,
  { grant, exchange }: Requester,
  userId: string,
): Promise<Deletion> {
  const { workspaceId } = grant;
  const job = await deletions.requestDeletion({ workspaceId, userId }).catch((error: unknown) => {
    if (!(error instanceof MillraceError) || error.code !== 'resource_exhausted') throw error;
    throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds: RETRY_AFTER_SECONDS });
  });
  await auditLog.record({
    workspaceId,
    action: 'deletion.requested',
    outcome: 'succeeded',
    actor: auditActor(exchange, grant),
    target: { type: 'deletion', id: job.id },
    details: { kind: 'user' },
  });
  return job;
}
