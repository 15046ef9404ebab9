import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type InvitationSchema,
  type MemberSchema,
  Role,
  type WorkspaceDeletionSchema,
  WorkspaceDeletionStatus,
  type WorkspaceSchema,
} from '@millrace/contracts/millrace/api/v1/workspace';
import {
  type Invitation as AuthInvitation,
  type Member as AuthMember,
  Role as AuthRole,
  type Workspace as AuthWorkspace,
  type WorkspaceDeletion as AuthWorkspaceDeletion,
  WorkspaceDeletionStatus as AuthWorkspaceDeletionStatus,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { fieldError, MillraceError } from '@millrace/runtime';

/** The roles by the names that REST gives them; a key has none. */
export const ROLE_NAMES = ['owner', 'admin', 'member', 'viewer'] as const;

/** A role in REST's terms. */
export type RoleName = (typeof ROLE_NAMES)[number];

const ROLES: Readonly<Record<RoleName, { readonly published: Role; readonly internal: AuthRole }>> = {
  owner: { published: Role.OWNER, internal: AuthRole.OWNER },
  admin: { published: Role.ADMIN, internal: AuthRole.ADMIN },
  member: { published: Role.MEMBER, internal: AuthRole.MEMBER },
  viewer: { published: Role.VIEWER, internal: AuthRole.VIEWER },
};

/** A role's name; undefined for none. */
export function roleNameOf(role: Role): RoleName | undefined {
  return ROLE_NAMES.find((name) => ROLES[name].published === role);
}

/** A role from its name. */
export function roleOf(name: RoleName): Role {
  return ROLES[name].published;
}

/** A requested role in auth's terms; throws `invalid_argument` for none. */
export function toAuthRole(role: Role): AuthRole {
  const name = roleNameOf(role);
  if (name !== undefined) return ROLES[name].internal;
  throw fieldError('role', `must be one of ${ROLE_NAMES.join(', ')}`);
}

/** Auth's workspace as it is published. */
export function toWorkspace(workspace: AuthWorkspace | undefined): MessageInitShape<typeof WorkspaceSchema> {
  const { id, name, role, createdAt, rateLimit } = present(workspace);
  return {
    id,
    name,
    role: toRole(role),
    ...(createdAt && { createdAt }),
    ...(rateLimit && {
      rateLimit: { requestsPerMinute: rateLimit.requestsPerMinute, burst: rateLimit.burst },
    }),
  };
}

/** Auth's member as it is published. */
export function toMember(member: AuthMember | undefined): MessageInitShape<typeof MemberSchema> {
  const { userId, email, role, joinedAt } = present(member);
  return { userId, email, role: toRole(role), ...(joinedAt && { joinedAt }) };
}

/** Auth's invitation as it is published. */
export function toInvitation(
  invitation: AuthInvitation | undefined,
): MessageInitShape<typeof InvitationSchema> {
  const { id, email, role, createdAt, expiresAt } = present(invitation);
  return { id, email, role: toRole(role), ...(createdAt && { createdAt }), ...(expiresAt && { expiresAt }) };
}

/** Auth's deletion of a workspace as it is published. */
export function toDeletion(
  deletion: AuthWorkspaceDeletion | undefined,
): MessageInitShape<typeof WorkspaceDeletionSchema> {
  const { createdAt, startedAt, finishedAt, streamClearedAt, status, ...rest } = present(deletion);
  const { id, workspaceId, progress, error } = rest;
  return {
    ...{ id, workspaceId, progress, error },
    status: DELETION_STATUSES[status],
    ...(createdAt && { createdAt }),
    ...(startedAt && { startedAt }),
    ...(finishedAt && { finishedAt }),
    ...(streamClearedAt && { streamClearedAt }),
  };
}

const DELETION_STATUSES: Readonly<Record<AuthWorkspaceDeletionStatus, WorkspaceDeletionStatus>> = {
  [AuthWorkspaceDeletionStatus.UNSPECIFIED]: WorkspaceDeletionStatus.UNSPECIFIED,
  [AuthWorkspaceDeletionStatus.RUNNING]: WorkspaceDeletionStatus.RUNNING,
  [AuthWorkspaceDeletionStatus.DONE]: WorkspaceDeletionStatus.DONE,
};

function toRole(internal: AuthRole): Role {
  const name = ROLE_NAMES.find((known) => ROLES[known].internal === internal);
  return name === undefined ? Role.UNSPECIFIED : roleOf(name);
}

function present<T>(answered: T | undefined): T {
  if (answered !== undefined) return answered;
  throw new MillraceError('internal', 'auth answered without what it was asked for');
}
