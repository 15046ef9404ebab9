import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { z } from 'zod';

/** What a member of a workspace is, as it is stored. */
export const roleName = z.enum(['owner', 'admin', 'member', 'viewer']);

/** The name under which a role is stored. */
export type RoleName = z.output<typeof roleName>;

const READ = ['events:read', 'analytics:read', 'schemas:read', 'members:read'] as const;
const WORK = [...READ, 'events:write', 'webhooks:manage', 'schemas:manage'] as const;
const ADMINISTER = [...WORK, 'api-keys:manage', 'members:manage', 'workspace:manage'] as const;

/** What each role lets its bearer do; `*` is everything. */
export const ROLE_PERMISSIONS: Readonly<Record<RoleName, readonly string[]>> = {
  owner: ['*'],
  admin: ADMINISTER,
  member: WORK,
  viewer: READ,
};

/** Millrace's own permissions: nobody can give one that they don't have. Others are free for the clients' own use. */
export const OWN_PERMISSIONS: ReadonlySet<string> = new Set([...ADMINISTER, 'audit:read', '*']);

/** Of some permissions those that a role has; of the clients' own all. */
export function permissionsWithin(role: RoleName, permissions: readonly string[]): readonly string[] {
  const ofRole = ROLE_PERMISSIONS[role];
  if (ofRole.includes('*')) return permissions;
  const everything = permissions.includes('*') ? ofRole : [];
  const rest = permissions.filter(
    (permission) => !OWN_PERMISSIONS.has(permission) || ofRole.includes(permission),
  );
  return [...everything, ...rest];
}

const RANK: Readonly<Record<RoleName, number>> = { owner: 3, admin: 2, member: 1, viewer: 0 };

/** Whether a role may give and take another: those up to its own. */
export function mayManage(role: RoleName, other: RoleName): boolean {
  return RANK[role] >= RANK[other];
}

const MESSAGES: Readonly<Record<RoleName, Role>> = {
  owner: Role.OWNER,
  admin: Role.ADMIN,
  member: Role.MEMBER,
  viewer: Role.VIEWER,
};

/** A role in the contract's terms. */
export function toRoleMessage(role: RoleName): Role {
  return MESSAGES[role];
}

/** A stored role from the contract's; undefined for none. */
export function fromRoleMessage(message: Role): RoleName | undefined {
  return roleName.options.find((name) => MESSAGES[name] === message);
}
