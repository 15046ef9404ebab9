import type { UpdateMemberRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { requiredActor } from '../actor.ts';
import type { MemberRecord } from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { memberNotFound, refuseLastOwner } from './owners.ts';
import { requireStanding } from './standing.ts';
import { checkedRole } from './workspace-input.ts';

/** Changes a member's role; `failed_precondition` when the workspace would have no owner. */
export async function updateMember(
  dependencies: WorkspaceChanges,
  request: UpdateMemberRequest,
): Promise<MemberRecord> {
  const actor = requiredActor(request.actor);
  const role = checkedRole(request.role);
  const { workspaceId, userId } = request;
  const deed = {
    workspaceId,
    actor,
    action: 'member.role_changed',
    target: { type: 'member', id: userId },
    details: { role },
  };
  let before: MemberRecord | undefined;
  let after: MemberRecord | undefined;
  await changeWorkspace(dependencies, deed, (workspace) => {
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
    ...deed,
    outcome: 'succeeded',
    details: { role, previousRole: before?.role },
  });
  return after;
}
