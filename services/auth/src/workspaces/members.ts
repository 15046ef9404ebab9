import type {
  RemoveMemberRequest,
  UpdateMemberRequest,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import type { Clock } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import { type RevocationDependencies, revokeKeysOf } from '../credentials/update-credential.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { RoleName } from '../store/role.ts';
import {
  existing,
  type InvitationRecord,
  type MemberRecord,
  type WorkspaceRecord,
  workspaceNotFound,
} from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { checkedRole, memberNotFound, refuseLastOwner, requireStanding } from './workspace-rules.ts';

/** Changes a member's role; `failed_precondition` when the workspace would have no owner. */
export async function updateMember(
  dependencies: WorkspaceChanges,
  request: UpdateMemberRequest,
): Promise<MemberRecord> {
  const actor = requiredActor(request.actor);
  const role = checkedRole(request.role);
  const { workspaceId, userId } = request;
  const entry = {
    workspaceId,
    actor,
    action: 'member.role_changed',
    target: { type: 'member', id: userId },
    details: { role },
  };
  let before: MemberRecord | undefined;
  let after: MemberRecord | undefined;
  await changeWorkspace(dependencies, entry, (workspace) => {
    const present = workspace.members.find((member) => member.userId === userId);
    const over = present === undefined ? [role] : [role, present.role];
    requireStanding({ workspace, actor, permission: 'members:manage', over });
    if (present === undefined) throw memberNotFound();
    if (role !== 'owner') refuseLastOwner(workspace, present);
    const changed = { ...present, role };
    before = present;
    after = changed;
    return {
      ...workspace,
      members: workspace.members.map((member) => (member === present ? changed : member)),
    };
  });
  if (after === undefined) throw memberNotFound();
  await dependencies.audit.record({
    ...entry,
    outcome: 'succeeded',
    details: { role, previousRole: before?.role },
  });
  return after;
}

/**
 * Ends a membership, which everybody may do to their own; `failed_precondition` for the last owner. Answers how many
 * of the person's keys were deactivated. Of somebody who has left already the keys can still be revoked: so a call
 * that broke off between the two can be repeated.
 */
export async function removeMember(
  dependencies: WorkspaceChanges & RevocationDependencies,
  request: RemoveMemberRequest,
): Promise<{ revokedKeys: number }> {
  const actor = requiredActor(request.actor);
  const { workspaceId, userId } = request;
  const entry = {
    workspaceId,
    actor,
    action: 'member.removed',
    target: { type: 'member', id: userId },
  };
  let role: RoleName | undefined;
  await changeWorkspace(dependencies, entry, (workspace) => {
    const present = workspace.members.find((member) => member.userId === userId);
    role = present?.role;
    if (present === undefined || userId !== actor.userId) {
      const over = present === undefined ? [] : [present.role];
      requireStanding({ workspace, actor, permission: 'members:manage', over });
    }
    if (present === undefined) return workspace;
    refuseLastOwner(workspace, present);
    return { ...workspace, members: workspace.members.filter((member) => member !== present) };
  });
  const revokedKeys = request.revokeKeys
    ? await revokeKeysOf(dependencies, { workspaceId, userId, actor })
    : 0;
  if (role === undefined && revokedKeys === 0) throw memberNotFound();
  await dependencies.audit.record({
    ...entry,
    outcome: 'succeeded',
    details: { role: role ?? null, revokedKeys },
  });
  return { revokedKeys };
}

/** Lists a workspace's members, oldest first, and the invitations that have not lapsed; from memory. */
export function listMembers(
  dependencies: { store: AuthStore; clock: Clock },
  request: { readonly workspaceId: string },
): { members: readonly MemberRecord[]; invitations: readonly InvitationRecord[] } {
  const { store, clock } = dependencies;
  const record = existing(store.workspaces.get(request.workspaceId)?.value);
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
  const record = existing(store.workspaces.get(workspaceId)?.value);
  if (userId !== '' && !record.members.some((member) => member.userId === userId)) throw workspaceNotFound();
  return record;
}
