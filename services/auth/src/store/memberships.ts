import type { AuthStore } from './auth-store.ts';
import type { RoleName } from './role.ts';
import type { WorkspaceRecord } from './workspace-record.ts';

/** Who belongs to which workspace, from memory. */
export interface Memberships {
  /** Undefined for somebody who isn't a member, and for an unknown workspace. */
  roleOf(workspaceId: string, userId: string): RoleName | undefined;
  /** Those that the user is a member of, oldest first. */
  workspacesOf(userId: string): readonly WorkspaceRecord[];
}

/** Keeps all memberships in memory from both sides, following the index. */
export function indexMemberships(workspaces: AuthStore['workspaces']): Memberships {
  const roles = new Map<string, ReadonlyMap<string, RoleName>>();
  const workspaceIds = new Map<string, Set<string>>();

  const forget = (workspaceId: string): void => {
    for (const userId of roles.get(workspaceId)?.keys() ?? []) {
      const ids = workspaceIds.get(userId);
      ids?.delete(workspaceId);
      if (ids?.size === 0) workspaceIds.delete(userId);
    }
    roles.delete(workspaceId);
  };
  const remember = ({ id, members }: WorkspaceRecord): void => {
    forget(id);
    roles.set(id, new Map(members.map(({ userId, role }) => [userId, role])));
    for (const { userId } of members) {
      const ids = workspaceIds.get(userId);
      if (ids === undefined) workspaceIds.set(userId, new Set([id]));
      else ids.add(id);
    }
  };

  for (const [, { value }] of workspaces.entries()) remember(value);
  workspaces.onChange((change) => {
    if (change.kind === 'put') remember(change.value);
    else forget(change.previous.id);
  });

  return {
    roleOf: (workspaceId, userId) => roles.get(workspaceId)?.get(userId),
    workspacesOf: (userId) =>
      [...(workspaceIds.get(userId) ?? [])]
        .flatMap((id) => workspaces.get(id)?.value ?? [])
        .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)),
  };
}
