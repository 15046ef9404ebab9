import type { Clock } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { type Origin, recordOwnEntry } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { Memberships } from '../store/memberships.ts';
import { mayManage } from '../store/role.ts';
import type { UserRecord } from '../store/user-record.ts';
import type { InvitationRecord, WorkspaceRecord } from '../store/workspace-record.ts';
import { MAX_MEMBERS } from './workspace-rules.ts';

/** Invitations that one sign-in accepts; the next one accepts the rest. */
const MOST_AT_ONCE = 100;

/**
 * Makes a user who has just proven their address a member wherever it was invited. Repeating it changes nothing.
 * A workspace that is full keeps its invitation. `origin` is the request that proved the address, for the audit log.
 */
export async function acceptInvitations(
  dependencies: {
    store: AuthStore;
    memberships: Memberships;
    clock: Clock;
    audit: AuditLog;
    origin?: Origin;
  },
  user: UserRecord,
): Promise<void> {
  const { store, memberships, clock } = dependencies;
  const nowMs = clock.now();
  const inviting = openInvitations(memberships, { email: user.email, nowMs }).slice(0, MOST_AT_ONCE);
  for (const { workspaceId } of inviting) {
    let accepted: InvitationRecord | undefined;
    await changeRecord(store.workspaces, workspaceId, (workspace) => {
      accepted = invitationOf(workspace, user.email, nowMs);
      if (accepted === undefined) return undefined;
      const joined = withMember(workspace, { userId: user.id, role: accepted.role, joinedAtMs: nowMs });
      if (joined === undefined) accepted = undefined;
      return joined && withoutInvitation(joined, user.email);
    });
    if (accepted === undefined) continue;
    await recordOwnEntry(dependencies, {
      user,
      workspaceId,
      action: 'member.joined',
      target: { type: 'member', id: user.id },
      details: { role: accepted.role, invitationId: accepted.id },
    });
  }
}

/** The invitations of an address, in its normal form, that have not lapsed; from memory. */
export function openInvitations(
  memberships: Memberships,
  options: { email: string; nowMs: number },
): readonly { workspaceId: string; invitation: InvitationRecord }[] {
  const found: { workspaceId: string; invitation: InvitationRecord }[] = [];
  for (const workspace of memberships.invitingTo(options.email)) {
    const invitation = invitationOf(workspace, options.email, options.nowMs);
    if (invitation !== undefined) found.push({ workspaceId: workspace.id, invitation });
  }
  return found;
}

function invitationOf(
  workspace: WorkspaceRecord,
  email: string,
  nowMs: number,
): InvitationRecord | undefined {
  return workspace.invitations.find(
    (invitation) => invitation.email === email && invitation.expiresAtMs > nowMs,
  );
}

function withMember(
  workspace: WorkspaceRecord,
  joining: WorkspaceRecord['members'][number],
): WorkspaceRecord | undefined {
  const present = workspace.members.find(({ userId }) => userId === joining.userId);
  if (present === undefined) {
    if (workspace.members.length >= MAX_MEMBERS) return undefined;
    return { ...workspace, members: [...workspace.members, joining] };
  }
  if (mayManage(present.role, joining.role)) return workspace;
  const raised = { ...present, role: joining.role };
  return {
    ...workspace,
    members: workspace.members.map((member) => (member === present ? raised : member)),
  };
}

function withoutInvitation(workspace: WorkspaceRecord, email: string): WorkspaceRecord {
  return {
    ...workspace,
    invitations: workspace.invitations.filter((invitation) => invitation.email !== email),
  };
}
