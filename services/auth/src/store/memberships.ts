import type { AuthStore } from './auth-store.ts';
import type { RoleName } from './role.ts';
import type { WorkspaceRecord } from './workspace-record.ts';

/** Who belongs to which workspace, and who is invited to one, from memory. */
export interface Memberships {
  /** Undefined for somebody who isn't a member, and for an unknown workspace. */
  roleOf(workspaceId: string, userId: string): RoleName | undefined;
  /** Those that the user is a member of, oldest first. */
  workspacesOf(userId: string): readonly WorkspaceRecord[];
  /** Those that have an invitation of the address, in its normal form, lapsed or not. */
  invitingTo(email: string): readonly WorkspaceRecord[];
}

/** Keeps all memberships and invitations in memory from both sides, following the index. */
export function indexMemberships(
  workspaces: Pick<AuthStore['workspaces'], 'get' | 'entries' | 'onChange'>,
): Memberships {
  const roles = new Map<string, ReadonlyMap<string, RoleName>>();
  const invited = new Map<string, readonly string[]>();
  const idsByUser = new Map<string, Set<string>>();
  const idsByAddress = new Map<string, Set<string>>();

  const forget = (workspaceId: string): void => {
    for (const userId of roles.get(workspaceId)?.keys() ?? []) takeOut(idsByUser, userId, workspaceId);
    for (const email of invited.get(workspaceId) ?? []) takeOut(idsByAddress, email, workspaceId);
    roles.delete(workspaceId);
    invited.delete(workspaceId);
  };
  const remember = ({ id, members, invitations }: WorkspaceRecord): void => {
    forget(id);
    const emails = invitations.map(({ email }) => email);
    roles.set(id, new Map(members.map(({ userId, role }) => [userId, role])));
    if (emails.length > 0) invited.set(id, emails);
    for (const { userId } of members) putIn(idsByUser, userId, id);
    for (const email of emails) putIn(idsByAddress, email, id);
  };

  for (const [, { value }] of workspaces.entries()) remember(value);
  workspaces.onChange((change) => {
    if (change.kind === 'put') remember(change.value);
    else forget(change.previous.id);
  });

  const records = (ids: ReadonlySet<string> | undefined) =>
    [...(ids ?? [])]
      .flatMap((id) => workspaces.get(id)?.value ?? [])
      .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  return {
    roleOf: (workspaceId, userId) => roles.get(workspaceId)?.get(userId),
    workspacesOf: (userId) => records(idsByUser.get(userId)),
    invitingTo: (email) => records(idsByAddress.get(email)),
  };
}

function putIn(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, new Set([id]));
  else ids.add(id);
}

function takeOut(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}
