import type {
  Invitation,
  ListMembersResponse,
  Member,
  Workspace,
} from '@millrace/contracts/millrace/api/v1/workspace';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { instant } from '../../request/response.ts';
import { ROLE_NAMES, roleNameOf } from './workspace-messages.ts';

const role = z.enum(ROLE_NAMES).nullable();

/** A workspace; the role of a key is null, and so is a limit that isn't set. */
export const workspace = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role,
    createdAt: instant().nullable(),
    rateLimit: z.strictObject({ requestsPerMinute: z.int(), burst: z.int() }).nullable(),
  })
  .meta({ id: 'Workspace' });

/** Several of them. */
export const workspaceList = z.strictObject({ workspaces: z.array(workspace) }).meta({ id: 'WorkspaceList' });

/** Somebody who belongs to a workspace. */
export const member = z
  .strictObject({ userId: z.string(), email: z.string(), role, joinedAt: instant().nullable() })
  .meta({ id: 'Member' });

/** Somebody who may come to belong to one. */
export const invitation = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    role,
    createdAt: instant().nullable(),
    expiresAt: instant().nullable(),
  })
  .meta({ id: 'Invitation' });

/** Everybody in a workspace. */
export const memberList = z
  .strictObject({ members: z.array(member), invitations: z.array(invitation) })
  .meta({ id: 'MemberList' });

/** What came of a removal. */
export const removal = z.strictObject({ revokedKeys: z.int().min(0) }).meta({ id: 'MemberRemoval' });

/** A session in another workspace. */
export const workspaceSession = z
  .strictObject({ token: z.string(), expiresAt: instant().nullable() })
  .meta({ id: 'WorkspaceSession' });

/** A workspace in JSON. */
export function workspaceJson({
  id,
  name,
  role,
  createdAt,
  rateLimit,
}: Workspace): z.output<typeof workspace> {
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
export function membersJson({ members, invitations }: ListMembersResponse): z.output<typeof memberList> {
  return { members: members.map(memberJson), invitations: invitations.map(invitationJson) };
}

/** A member in JSON. */
export function memberJson({ userId, email, role, joinedAt }: Member): z.output<typeof member> {
  return { userId, email, role: roleNameOf(role) ?? null, joinedAt: isoTime(joinedAt) };
}

/** An invitation in JSON. */
export function invitationJson({
  id,
  email,
  role,
  createdAt,
  expiresAt,
}: Invitation): z.output<typeof invitation> {
  return {
    id,
    email,
    role: roleNameOf(role) ?? null,
    createdAt: isoTime(createdAt),
    expiresAt: isoTime(expiresAt),
  };
}
