import type {
  Invitation,
  ListMembersResponse,
  Member,
  Workspace,
} from '@millrace/contracts/millrace/api/v1/workspace';
import { isoTime } from '../../request/rfc3339.ts';
import { roleNameOf } from './workspace-messages.ts';

/** A workspace in JSON; the role of a key is null, and so is a limit that isn't set. */
export function workspaceJson({ id, name, role, createdAt, rateLimit }: Workspace) {
  return {
    id,
    name,
    role: roleNameOf(role) ?? null,
    createdAt: isoTime(createdAt),
    rateLimit:
      rateLimit === undefined
        ? null
        : { requestsPerMinute: rateLimit.requestsPerMinute, burst: rateLimit.burst },
  };
}

/** Members and open invitations in JSON. */
export function membersJson({ members, invitations }: ListMembersResponse) {
  return { members: members.map(memberJson), invitations: invitations.map(invitationJson) };
}

/** A member in JSON. */
export function memberJson({ userId, email, role, joinedAt }: Member) {
  return { userId, email, role: roleNameOf(role) ?? null, joinedAt: isoTime(joinedAt) };
}

/** An invitation in JSON. */
export function invitationJson({ id, email, role, createdAt, expiresAt }: Invitation) {
  return {
    id,
    email,
    role: roleNameOf(role) ?? null,
    createdAt: isoTime(createdAt),
    expiresAt: isoTime(expiresAt),
  };
}
