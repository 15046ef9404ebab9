import type { AuthStore } from '../store/auth-store.ts';
import { type WorkspaceRecord, workspaceNotFound } from '../store/workspace-record.ts';

/** Reads a workspace from memory; `not_found` for a person who isn't a member. An empty `userId` is a key's. */
export function getWorkspace(
  store: AuthStore,
  request: { readonly workspaceId: string; readonly userId: string },
): WorkspaceRecord {
  const { workspaceId, userId } = request;
  const record = store.workspaces.get(workspaceId)?.value;
  if (record === undefined) throw workspaceNotFound();
  if (userId !== '' && !record.members.some((member) => member.userId === userId)) throw workspaceNotFound();
  return record;
}
