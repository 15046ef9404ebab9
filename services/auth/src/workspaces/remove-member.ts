import type { RemoveMemberRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { requiredActor } from '../actor.ts';
import { type RevocationDependencies, revokeKeysOf } from '../credentials/revoke-keys-of.ts';
import type { RoleName } from '../store/role.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { memberNotFound, refuseLastOwner } from './owners.ts';
import { requireStanding } from './standing.ts';

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
  const deed = {
    workspaceId,
    actor,
    action: 'member.removed',
    target: { type: 'member', id: userId },
  };
  let role: RoleName | undefined;
  await changeWorkspace(dependencies, deed, (workspace) => {
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
    ...deed,
    outcome: 'succeeded',
    details: { role: role ?? null, revokedKeys },
  });
  return { revokedKeys };
}
