import type { Clock } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import {
  type InvitationRecord,
  type MemberRecord,
  type WorkspaceRecord,
  workspaceNotFound,
} from '../store/workspace-record.ts';

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

/** Reads a workspace from memory; `not_found` for a person who isn't a member. An empty `userId` is a key's. */
export function getWorkspace(
  store: AuthStore,
  request: { readonly workspaceId: string; readonly userId: string },
): WorkspaceRecord {
  const { workspaceId, userId } = request;
  const record = store.workspaces.get(workspaceId)?.value;
  if (record === undefined) throw workspaceNotFound();
  if (userId !== '' && !record.members.some((member) => member.userId === userId)) throw workspaceNotFound();
  return record;
}
