import { create } from '@bufbuild/protobuf';
import * as api from '@millrace/contracts/millrace/api/v1/workspace';
import { isoTime } from '@millrace/runtime';
import type { Api } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { readQuery } from '../../request/query-string.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { Exchange } from '../../server/exchange.ts';
import { actorOf } from '../actor.ts';
import { deletionRoutes } from './deletion-routes.ts';
import * as documentation from './documentation.ts';
import * as encode from './encode.ts';
import {
  invitationBody,
  memberChangeBody,
  newWorkspaceBody,
  removalQuery,
  workspaceChangeBody,
} from './schema.ts';
import { createWorkspaceApi } from './workspace-api.ts';
import { roleOf } from './workspace-messages.ts';
import { accessFor, COLLECTION, named, ONE, present, type WorkspaceRoute } from './workspace-route.ts';

/** Workspaces and who belongs to them; the Connect and gRPC form is `millrace.api.v1.WorkspaceService`. */
export const workspacesApi: Api = {
  name: 'workspaces',
  routes(deps) {
    const useCases = createWorkspaceApi(deps.auth, deps.publicGrant);
    return [...workspaceRoutes, ...memberRoutes, ...deletionRoutes].map(({ answer, ...route }) => ({
      ...route,
      async handle(exchange, grant) {
        const caller = { grant, actor: actorOf(exchange, grant) };
        exchange.reply(await answer({ exchange, caller, api: useCases }));
      },
      encodeFailure: encodeProblem,
    }));
  },
};

/** A session is a secret, which no cache may keep. */
const NOT_STORED: readonly string[] = ['cache-control', 'no-store'];

/** Making, reading and changing workspaces, and acting in another one. */
export const workspaceRoutes: readonly WorkspaceRoute[] = [
  {
    method: 'GET',
    path: COLLECTION,
    access: accessFor(),
    documentation: documentation.LIST,
    async answer({ caller, api: { listWorkspaces } }) {
      const { workspaces } = await listWorkspaces(create(api.ListWorkspacesRequestSchema), caller);
      return jsonReply(encode.workspaceList, 200, { workspaces: workspaces.map(encode.workspaceJson) });
    },
  },
  {
    method: 'POST',
    path: COLLECTION,
    access: { ...accessFor(), caller: 'person' },
    documentation: documentation.CREATE,
    async answer({ exchange, caller, api: { createWorkspace } }) {
      const body = await receiveJson(exchange, newWorkspaceBody);
      const { workspace } = await createWorkspace(create(api.CreateWorkspaceRequestSchema, body), caller);
      return jsonReply(encode.workspace, 201, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'GET',
    path: ONE,
    access: accessFor(),
    documentation: documentation.GET,
    async answer({ exchange, caller, api: { getWorkspace } }) {
      const { workspace } = await getWorkspace(
        create(api.GetWorkspaceRequestSchema, named(exchange)),
        caller,
      );
      return jsonReply(encode.workspace, 200, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'PATCH',
    path: ONE,
    access: accessFor('workspace:manage'),
    documentation: documentation.UPDATE,
    async answer({ exchange, caller, api: { updateWorkspace } }) {
      const { name, rateLimit } = await receiveJson(exchange, workspaceChangeBody);
      const request = create(api.UpdateWorkspaceRequestSchema, {
        ...named(exchange),
        ...(name === undefined ? {} : { name }),
        // The contract's way to take a limit back is one of zero requests.
        ...(rateLimit === undefined ? {} : { rateLimit: rateLimit ?? {} }),
      });
      const { workspace } = await updateWorkspace(request, caller);
      return jsonReply(encode.workspace, 200, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'POST',
    path: `${ONE}/session`,
    access: { ...accessFor(), caller: 'person' },
    documentation: documentation.SESSION,
    async answer({ exchange, caller, api: { createWorkspaceSession } }) {
      const request = create(api.CreateWorkspaceSessionRequestSchema, named(exchange));
      const { token, expiresAt } = await createWorkspaceSession(request, caller);
      return jsonReply(encode.workspaceSession, 201, { token, expiresAt: isoTime(expiresAt) }, NOT_STORED);
    },
  },
];

const MEMBERS = `${ONE}/members`;
const MEMBER = `${MEMBERS}/:userId`;
const INVITATIONS = `${ONE}/invitations`;

/** Who belongs to a workspace, and who is invited. */
export const memberRoutes: readonly WorkspaceRoute[] = [
  {
    method: 'GET',
    path: MEMBERS,
    access: accessFor('members:read'),
    documentation: documentation.LIST_MEMBERS,
    async answer({ exchange, caller, api: { listMembers } }) {
      const request = create(api.ListMembersRequestSchema, named(exchange));
      return jsonReply(encode.memberList, 200, encode.membersJson(await listMembers(request, caller)));
    },
  },
  {
    method: 'POST',
    path: INVITATIONS,
    access: accessFor('members:manage'),
    documentation: documentation.INVITE,
    async answer({ exchange, caller, api: { inviteMember } }) {
      const { email, role } = await receiveJson(exchange, invitationBody);
      const request = { ...named(exchange), email, role: roleOf(role) };
      const { invitation } = await inviteMember(create(api.InviteMemberRequestSchema, request), caller);
      return jsonReply(encode.invitation, 201, encode.invitationJson(present(invitation)));
    },
  },
  {
    method: 'DELETE',
    path: `${INVITATIONS}/:invitationId`,
    access: accessFor('members:manage'),
    documentation: documentation.REVOKE_INVITATION,
    async answer({ exchange, caller, api: { revokeInvitation } }) {
      const request = { ...named(exchange), invitationId: exchange.params['invitationId'] ?? '' };
      await revokeInvitation(create(api.RevokeInvitationRequestSchema, request), caller);
      return { status: 204, body: '' };
    },
  },
  {
    method: 'PATCH',
    path: MEMBER,
    access: accessFor('members:manage'),
    documentation: documentation.UPDATE_MEMBER,
    async answer({ exchange, caller, api: { updateMember } }) {
      const { role } = await receiveJson(exchange, memberChangeBody);
      const request = { ...namedMember(exchange), role: roleOf(role) };
      const { member } = await updateMember(create(api.UpdateMemberRequestSchema, request), caller);
      return jsonReply(encode.member, 200, encode.memberJson(present(member)));
    },
  },
  {
    method: 'DELETE',
    path: MEMBER,
    // Everybody may leave; that somebody else may only be removed with `members:manage` is for the use case to say.
    access: accessFor(),
    documentation: documentation.REMOVE_MEMBER,
    async answer({ exchange, caller, api: { removeMember } }) {
      const request = { ...namedMember(exchange), revokeKeys: wantsKeysRevoked(exchange) };
      const { revokedKeys } = await removeMember(create(api.RemoveMemberRequestSchema, request), caller);
      return jsonReply(encode.removal, 200, { revokedKeys });
    },
  },
];

function namedMember(exchange: Exchange): { workspaceId: string; userId: string } {
  return { ...named(exchange), userId: exchange.params['userId'] ?? '' };
}

function wantsKeysRevoked(exchange: Exchange): boolean {
  return readQuery(exchange.query(), removalQuery).revokeKeys === 'true';
}
