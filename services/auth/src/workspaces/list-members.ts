import type { Clock } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { type InvitationRecord, type MemberRecord, workspaceNotFound } from '../store/workspace-record.ts';

/** Lists a workspace's members, oldest first, and the invitations that have not lapsed; from memory. */
export function listMembers(
  dependencies: { store: AuthStore; clock: Clock },
  request: { readonly workspaceId: string },
): { members: readonly MemberRecord[]; invitations: readonly InvitationRecord[] } {
  const { store, clock } = dependencies;
  const record = store.workspaces.get(request.workspaceId)?.value;
  if (record === undefined) throw workspaceNotFound();
  const nowMs = clock.now();
  return {
    members: record.members.toSorted((a, b) => a.joinedAtMs - b.joinedAtMs),
    invitations: record.invitations.filter(({ expiresAtMs }) => expiresAtMs > nowMs),
  };
}
