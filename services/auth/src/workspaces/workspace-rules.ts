import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { fieldError, MillraceError } from '@millrace/runtime';
import { allows } from '../actor.ts';
import { fromRoleMessage, mayManage, ROLE_PERMISSIONS, type RoleName } from '../store/role.ts';
import { type MemberRecord, type WorkspaceRecord, workspaceNotFound } from '../store/workspace-record.ts';

/** Members of a workspace. */
export const MAX_MEMBERS = 1_000;

/** Invitations of a workspace that have not lapsed. */
export const MAX_OPEN_INVITATIONS = 200;

/** Workspaces that a user owns when they make another. Requests at the same moment may pass it by a few. */
export const MAX_WORKSPACES_OWNED = 100;

/** What a change of a workspace needs. */
export type ManagingPermission = 'members:manage' | 'workspace:manage';

/**
 * Throws unless the actor may change a workspace and every role in question: `not_found` for a person who isn't a
 * member, `permission_denied` for one without the standing. Nobody gives, takes or changes a role above their own.
 */
export function requireStanding(options: {
  workspace: WorkspaceRecord;
  actor: Actor;
  permission: ManagingPermission;
  /** The roles that are given, taken or changed. */
  over: readonly RoleName[];
}): void {
  const { permission } = options;
  const standing = standingOf(options);
  if (standing === undefined) {
    throw new MillraceError('permission_denied', `the permission ${permission} is required`);
  }
  const above = options.over.find((role) => !mayManage(standing, role));
  if (above !== undefined) {
    throw new MillraceError(
      'permission_denied',
      `the role ${above} is above that of the caller, ${standing}`,
    );
  }
}

/**
 * The lower of what the presented credential stands for and, for a person, their role as it is now: neither a
 * narrow key of an owner nor a verdict from before a demotion reaches further.
 */
function standingOf(options: {
  workspace: WorkspaceRecord;
  actor: Actor;
  permission: ManagingPermission;
}): RoleName | undefined {
  const { workspace, actor, permission } = options;
  const ofCredential = standingFrom(actor.permissions, permission);
  if (actor.userId === '') return ofCredential;
  const role = workspace.members.find(({ userId }) => userId === actor.userId)?.role;
  if (role === undefined) throw workspaceNotFound();
  const ofRole = standingFrom(ROLE_PERMISSIONS[role], permission);
  if (ofCredential === undefined || ofRole === undefined) return undefined;
  return mayManage(ofCredential, ofRole) ? ofRole : ofCredential;
}

function standingFrom(permissions: readonly string[], permission: ManagingPermission): RoleName | undefined {
  if (permissions.includes('*')) return 'owner';
  return allows(permissions, permission) ? 'admin' : undefined;
}

const LONGEST_NAME = 128;
// The name comes into mails and pages, where a line of its own would pass for somebody else's words.
const CONTROL_CHARACTER = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** A workspace's name, 1 to 128 characters of one line; otherwise `invalid_argument`. */
export function checkedWorkspaceName(name: string): string {
  if (name.trim() === '') throw fieldError('name', 'must not be empty');
  if (name.length > LONGEST_NAME) {
    throw fieldError('name', `at most ${LONGEST_NAME} characters`);
  }
  if (CONTROL_CHARACTER.test(name)) {
    throw fieldError('name', 'must not contain control characters');
  }
  return name;
}

/** A role that a request has to name; otherwise `invalid_argument`. */
export function checkedRole(message: Role): RoleName {
  const role = fromRoleMessage(message);
  if (role === undefined) {
    throw fieldError('role', 'must be owner, admin, member or viewer');
  }
  return role;
}

/** Throws `failed_precondition` for the only owner of a workspace: nobody could manage it any more. */
export function refuseLastOwner(workspace: WorkspaceRecord, member: MemberRecord): void {
  if (member.role !== 'owner') return;
  if (workspace.members.filter(({ role }) => role === 'owner').length > 1) return;
  throw new MillraceError('failed_precondition', 'the last owner stays: make somebody else an owner first');
}

/** The answer to a user whom the workspace doesn't have. */
export function memberNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such member');
}
