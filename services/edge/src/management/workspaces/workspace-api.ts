import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import * as api from '@millrace/contracts/millrace/api/v1/workspace';
import type { ActorSchema } from '@millrace/contracts/millrace/auth/v1/actor';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError, MillraceError } from '@millrace/runtime';
import { AUTH_CALL, type AuthGateway } from '../../clients/auth.ts';
import { type Grant, hasPermission } from '../../clients/credentials.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { PublicGrant } from '../../server/public-grant.ts';
import { toAuthRole, toDeletion, toInvitation, toMember, toWorkspace } from './workspace-messages.ts';

/** Who calls. */
export interface Caller {
  readonly grant: Grant;
  readonly actor: MessageInitShape<typeof ActorSchema>;
}

type Methods = (typeof api.WorkspaceService)['method'];

/**
 * `millrace.api.v1.WorkspaceService` whichever way it is asked: REST and RPC call these, so that both answer alike.
 * Throws MillraceError, or RequestFailure `rate_limited`; `not_found` for every workspace but the credential's, whether there is such a one or not.
 */
export type WorkspaceApi = {
  readonly [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]['input']>,
    caller: Caller,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
};

const MANAGE_MEMBERS = 'members:manage';

/** Makes the use cases over the auth service. The caller's permissions have been looked at, but where the request matters. */
export function createWorkspaceApi(
  { workspaces, signIn }: AuthGateway,
  publicGrant: PublicGrant,
): WorkspaceApi {
  return {
    async createWorkspace({ name }, { actor }) {
      const { workspace } = await workspaces.createWorkspace({ name, actor }, AUTH_CALL);
      return create(api.CreateWorkspaceResponseSchema, { workspace: toWorkspace(workspace) });
    },

    async listWorkspaces(_, { grant }) {
      const userId = personOf(grant);
      const listed =
        userId === ''
          ? [(await workspaces.getWorkspace({ workspaceId: grant.workspaceId }, AUTH_CALL)).workspace]
          : (await workspaces.listWorkspaces({ userId }, AUTH_CALL)).workspaces;
      return create(api.ListWorkspacesResponseSchema, { workspaces: listed.map(toWorkspace) });
    },

    async getWorkspace(request, { grant }) {
      const workspaceId = ownWorkspace(request, grant);
      const { workspace } = await workspaces.getWorkspace(
        { workspaceId, userId: personOf(grant) },
        AUTH_CALL,
      );
      return create(api.GetWorkspaceResponseSchema, { workspace: toWorkspace(workspace) });
    },

    async updateWorkspace(request, { grant, actor }) {
      const { name, rateLimit } = request;
      const change = {
        workspaceId: ownWorkspace(request, grant),
        ...(name === undefined ? {} : { name }),
        ...(rateLimit && {
          rateLimit: { requestsPerMinute: rateLimit.requestsPerMinute, burst: rateLimit.burst },
        }),
        actor,
      };
      const { workspace } = await workspaces.updateWorkspace(change, AUTH_CALL);
      return create(api.UpdateWorkspaceResponseSchema, { workspace: toWorkspace(workspace) });
    },

    async createWorkspaceSession({ workspaceId }, { grant, actor }) {
      requireText('workspace_id', workspaceId);
      const { userId, expiresAtMs } = grant;
      const { token, expiresAt } = await signIn.createSession(
        {
          userId,
          workspaceId,
          ...(expiresAtMs === undefined ? {} : { notAfter: timestampFromMs(expiresAtMs) }),
          actor,
        },
        AUTH_CALL,
      );
      return create(api.CreateWorkspaceSessionResponseSchema, { token, ...(expiresAt && { expiresAt }) });
    },

    async listMembers(request, { grant }) {
      const workspaceId = ownWorkspace(request, grant);
      const { members, invitations } = await workspaces.listMembers({ workspaceId }, AUTH_CALL);
      return create(api.ListMembersResponseSchema, {
        members: members.map(toMember),
        invitations: invitations.map(toInvitation),
      });
    },

    async inviteMember(request, { grant, actor }) {
      const workspaceId = ownWorkspace(request, grant);
      const role = toAuthRole(request.role);
      const wish = { workspaceId, email: request.email, role, actor };
      const { invitation, retryAfterSeconds } = await workspaces.inviteMember(wish, AUTH_CALL);
      if (retryAfterSeconds > 0) throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds });
      return create(api.InviteMemberResponseSchema, { invitation: toInvitation(invitation) });
    },

    async revokeInvitation(request, { grant, actor }) {
      const workspaceId = ownWorkspace(request, grant);
      const { invitationId } = request;
      requireText('invitation_id', invitationId);
      await workspaces.revokeInvitation({ workspaceId, invitationId, actor }, AUTH_CALL);
      return create(api.RevokeInvitationResponseSchema);
    },

    async updateMember(request, { grant, actor }) {
      const workspaceId = ownWorkspace(request, grant);
      const role = toAuthRole(request.role);
      const { userId } = request;
      requireText('user_id', userId);
      const { member } = await workspaces.updateMember({ workspaceId, userId, role, actor }, AUTH_CALL);
      return create(api.UpdateMemberResponseSchema, { member: toMember(member) });
    },

    async removeMember(request, { grant, actor }) {
      const workspaceId = ownWorkspace(request, grant);
      const { userId, revokeKeys } = request;
      requireText('user_id', userId);
      if (!hasPermission(grant, MANAGE_MEMBERS) && personOf(grant) !== userId) {
        throw new MillraceError(
          'permission_denied',
          `the credential lacks the permission ${MANAGE_MEMBERS}, which only one's own membership doesn't need`,
        );
      }
      const { revokedKeys } = await workspaces.removeMember(
        { workspaceId, userId, revokeKeys, actor },
        AUTH_CALL,
      );
      return create(api.RemoveMemberResponseSchema, { revokedKeys });
    },

    async deleteWorkspace(request, { grant, actor }) {
      const workspaceId = ownWorkspace(request, grant);
      const { name } = request;
      requireText('name', name);
      if ((await publicGrant())?.workspaceId === workspaceId) {
        throw new MillraceError(
          'failed_precondition',
          'the figures of this workspace are public (ANALYTICS_PUBLIC_WORKSPACE): it can not be deleted',
        );
      }
      const { deletion } = await workspaces.deleteWorkspace({ workspaceId, name, actor }, AUTH_CALL);
      return create(api.DeleteWorkspaceResponseSchema, { deletion: toDeletion(deletion) });
    },

    async listWorkspaceDeletions(_, { grant: { userId } }) {
      const { deletions } = await workspaces.listWorkspaceDeletions({ userId }, AUTH_CALL);
      return create(api.ListWorkspaceDeletionsResponseSchema, { deletions: deletions.map(toDeletion) });
    },

    async getWorkspaceDeletion({ id }, { grant: { userId } }) {
      requireText('id', id);
      const { deletion } = await workspaces.getWorkspaceDeletion({ userId, id }, AUTH_CALL);
      return create(api.GetWorkspaceDeletionResponseSchema, { deletion: toDeletion(deletion) });
    },
  };
}

/** The signed-in user; empty for a key, which acts for its workspace even where it was issued to somebody. */
function personOf(grant: Grant): string {
  return grant.credentialKind === CredentialKind.SESSION ? grant.userId : '';
}

/** The workspace of the credential, which is the only one that a request may name. */
function ownWorkspace({ workspaceId }: { readonly workspaceId: string }, grant: Grant): string {
  requireText('workspace_id', workspaceId);
  if (workspaceId === grant.workspaceId) return workspaceId;
  throw new MillraceError('not_found', 'no such workspace, or your session acts in another one');
}

function requireText(field: string, value: string): void {
  if (value === '') throw fieldError(field, 'is required');
}
