import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { bindService, type Clock, type GrpcServiceBinding } from '@millrace/runtime';
import type { Mailer } from '../mail/mailer.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-index.ts';
import type { WorkspaceChanges } from './change-workspace.ts';
import { createWorkspace } from './create-workspace.ts';
import type { TakeInvitation } from './invitation-quota.ts';
import { inviteMember } from './invite-member.ts';
import { getWorkspace, listMembers } from './list-members.ts';
import { removeMember } from './remove-member.ts';
import { revokeInvitation } from './revoke-invitation.ts';
import { updateMember } from './update-member.ts';
import { updateWorkspace } from './update-workspace.ts';
import { toInvitationMessage, toMemberMessage, toWorkspaceMessage } from './workspace-messages.ts';

/** `millrace.auth.v1.WorkspaceService` over the use cases. */
export function createWorkspaceService(
  dependencies: WorkspaceChanges & {
    memberships: Memberships;
    users: UserIndex;
    ids: CredentialIds;
    mailer: Mailer;
    takeInvitation: TakeInvitation;
    defaultWorkspaceId: string;
    clock: Clock;
    newId: () => string;
  },
): GrpcServiceBinding {
  const { store, memberships, users } = dependencies;
  return bindService(WorkspaceService, {
    async createWorkspace(request) {
      const created = await createWorkspace(dependencies, request);
      return { workspace: toWorkspaceMessage(created, request.actor?.userId ?? '') };
    },
    listWorkspaces: async ({ userId }) => ({
      workspaces: memberships.workspacesOf(userId).map((record) => toWorkspaceMessage(record, userId)),
    }),
    getWorkspace: async (request) => ({
      workspace: toWorkspaceMessage(getWorkspace(store, request), request.userId),
    }),
    getDefaultWorkspace: async () => ({ workspaceId: dependencies.defaultWorkspaceId }),
    async updateWorkspace(request) {
      const updated = await updateWorkspace(dependencies, request);
      return { workspace: toWorkspaceMessage(updated, request.actor?.userId ?? '') };
    },
    async listMembers(request) {
      const { members, invitations } = listMembers(dependencies, request);
      return {
        members: members.map((member) => toMemberMessage(member, users)),
        invitations: invitations.map(toInvitationMessage),
      };
    },
    async inviteMember(request) {
      const outcome = await inviteMember(dependencies, request);
      if (outcome.kind === 'limited') return { retryAfterSeconds: outcome.retryAfterSeconds };
      return { invitation: toInvitationMessage(outcome.invitation) };
    },
    async revokeInvitation(request) {
      await revokeInvitation(dependencies, request);
      return {};
    },
    updateMember: async (request) => ({
      member: toMemberMessage(await updateMember(dependencies, request), users),
    }),
    removeMember: (request) => removeMember(dependencies, request),
  });
}
