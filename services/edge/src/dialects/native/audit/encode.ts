import type { ListAuditEntriesResponse } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { AuditEntry } from '@millrace/contracts/millrace/audit/v1/audit';
import type { Reply } from '../../../http/reply.ts';

/** A page of the log; what isn't known of an entry is null. */
export function encodeAuditPage({ entries, nextPageToken }: ListAuditEntriesResponse): Reply {
  const page = { entries: entries.map(toJson), nextCursor: nextPageToken || null };
  return { status: 200, body: JSON.stringify(page) };
}

function toJson(entry: AuditEntry) {
  const { id, action, outcome, actorUserId, actorCredentialId, targetType, targetId } = entry;
  const details: unknown = JSON.parse(entry.detailsJson || '{}');
  return {
    id,
    at: new Date(Number(entry.atMs)).toISOString(),
    action,
    outcome,
    actor: { userId: actorUserId || null, credentialId: actorCredentialId || null },
    target: { type: targetType || null, id: targetId || null },
    details,
    ipAddress: entry.ipAddress || null,
    requestId: entry.requestId || null,
  };
}
