import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import { MillraceError } from '@millrace/runtime';
import { allows } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import { OWN_PERMISSIONS, permissionsWithin } from '../store/role.ts';
import { type WorkspaceRecord, workspaceNotFound } from '../store/workspace-record.ts';

/** Throws `permission_denied`, naming it, for a permission that may not be given. */
export type RequireGivable = (permissions: readonly string[]) => void;

/**
 * Tells what an actor may give in a workspace: of Millrace's own permissions those they have, of the clients' own all.
 * A person's are judged by the store, not by the verdict that let them in: somebody who was removed a moment ago
 * must not leave a key behind. A key's bearer has what the key allows. `not_found` for an unknown workspace.
 */
export async function judgeGiving(options: {
  store: AuthStore;
  ids: CredentialIds;
  workspaceId: string;
  actor: Actor;
}): Promise<{ workspace: WorkspaceRecord; requireGivable: RequireGivable }> {
  const { store, ids, workspaceId, actor } = options;
  const workspace = (await store.workspaces.read(workspaceId))?.value;
  if (workspace === undefined) throw workspaceNotFound();
  const isPerson = actor.userId !== '' && !ids.has(workspaceId, actor.credentialId);
  const held = isPerson ? heldNow(workspace, actor) : actor.permissions;
  return {
    workspace,
    requireGivable(permissions) {
      const beyond = permissions.find(
        (permission) => OWN_PERMISSIONS.has(permission) && !(held && allows(held, permission)),
      );
      if (beyond !== undefined) {
        throw new MillraceError(
          'permission_denied',
          `the permission ${beyond} can only be given by who has it`,
        );
      }
      if (held === undefined) {
        throw new MillraceError('permission_denied', 'only a member can issue or change credentials');
      }
    },
  };
}

function heldNow(workspace: WorkspaceRecord, actor: Actor): readonly string[] | undefined {
  const role = workspace.members.find(({ userId }) => userId === actor.userId)?.role;
  return role && permissionsWithin(role, actor.permissions);
}
