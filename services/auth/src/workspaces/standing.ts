import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import { MillraceError } from '@millrace/runtime';
import { allows } from '../actor.ts';
import { mayManage, ROLE_PERMISSIONS, type RoleName } from '../store/role.ts';
import { type WorkspaceRecord, workspaceNotFound } from '../store/workspace-record.ts';

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
