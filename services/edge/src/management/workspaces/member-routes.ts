import { create } from '@bufbuild/protobuf';
import * as api from '@millrace/contracts/millrace/api/v1/workspace';
import { invalid, toIssues } from '../../request/issues.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { Exchange } from '../../server/exchange.ts';
import * as documentation from './documentation.ts';
import * as encode from './encode.ts';
import { invitationBody, memberChangeBody, removalQuery } from './schema.ts';
import { roleOf } from './workspace-messages.ts';
import { accessFor, named, ONE, present, type WorkspaceRoute } from './workspace-route.ts';

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
  const query = Object.fromEntries(exchange.query());
  const parsed = removalQuery.safeParse(query);
  if (!parsed.success) throw invalid(toIssues(parsed.error, query));
  return parsed.data.revokeKeys === 'true';
}
