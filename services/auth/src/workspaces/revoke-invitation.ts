import type { RevokeInvitationRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { MillraceError } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { requireStanding } from './standing.ts';

/** Takes an invitation back; `not_found` once it is accepted or gone. */
export async function revokeInvitation(
  dependencies: WorkspaceChanges,
  request: RevokeInvitationRequest,
): Promise<void> {
  const actor = requiredActor(request.actor);
  const { workspaceId, invitationId } = request;
  const deed = {
    workspaceId,
    actor,
    action: 'invitation.revoked',
    target: { type: 'invitation', id: invitationId },
  };
  let details = {};
  await changeWorkspace(dependencies, deed, (workspace) => {
    const revoked = workspace.invitations.find(({ id }) => id === invitationId);
    const over = revoked === undefined ? [] : [revoked.role];
    requireStanding({ workspace, actor, permission: 'members:manage', over });
    if (revoked === undefined) throw new MillraceError('not_found', 'no such invitation');
    details = { email: revoked.email, role: revoked.role };
    return { ...workspace, invitations: workspace.invitations.filter((other) => other !== revoked) };
  });
  await dependencies.audit.record({ ...deed, outcome: 'succeeded', details });
}
