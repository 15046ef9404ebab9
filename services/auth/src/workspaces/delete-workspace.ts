import type {
  DeleteWorkspaceRequest,
  GetWorkspaceDeletionRequest,
  ListWorkspaceDeletionsRequest,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { newWorkspaceDeletion, type WorkspaceDeletionRecord } from '@millrace/stores';
import { requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { UserIndex } from '../store/user-record.ts';
import { tombstoneOf, type WorkspaceDeletion } from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import type { DeletedWorkspaces } from './deleted-workspaces.ts';
import { requireStanding } from './workspace-rules.ts';

/** What deleting a workspace needs. */
export interface WorkspaceDeleting extends WorkspaceChanges {
  readonly users: UserIndex;
  readonly deletedWorkspaces: Pick<DeletedWorkspaces, 'handOver'>;
  readonly defaultWorkspaceId: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

/**
 * Ends a workspace by one write, from which on nobody is let in, and hands what it has stored to a job. Whatever is cut off behind
 * that write goes on by itself. `failed_precondition` for the default workspace.
 */
export async function deleteWorkspace(
  dependencies: WorkspaceDeleting,
  request: DeleteWorkspaceRequest,
): Promise<WorkspaceDeletionRecord> {
  const { users, clock, newId } = dependencies;
  const actor = requiredActor(request.actor);
  const { workspaceId, name } = request;
  const { userId, credentialId, ipAddress, requestId } = actor;
  const entry = {
    workspaceId,
    actor,
    action: 'workspace.deleted',
    target: { type: 'workspace', id: workspaceId },
  };
  const deletion: WorkspaceDeletion = {
    id: newId(),
    atMs: clock.now(),
    request: { userId, credentialId, ipAddress, requestId },
  };
  await changeWorkspace(dependencies, entry, (workspace) => {
    requireStanding({ workspace, actor, permission: 'workspace:manage', over: ['owner'] });
    if (users.byId(userId) === undefined) {
      throw new MillraceError('permission_denied', 'only a person can delete a workspace: sign in first');
    }
    refuseDefaultWorkspace(dependencies, workspaceId);
    if (name !== workspace.name) throw fieldError('name', 'must be the name of the workspace, exactly');
    return tombstoneOf(workspace, deletion);
  });
  await dependencies.deletedWorkspaces.handOver(workspaceId);
  const known = dependencies.store.workspaceDeletions.get(deletion.id)?.value;
  return known ?? newWorkspaceDeletion(jobOf(workspaceId, deletion, userId));
}

/** The job of a deletion as it begins, in the words of whoever works it off. */
export function jobOf(workspaceId: string, { id, atMs }: WorkspaceDeletion, requestedBy: string) {
  return { id, workspaceId, requestedBy, createdAtMs: atMs };
}

/** The one that the settings name, and the one that is it where they name none: the next start would need it. */
function refuseDefaultWorkspace(
  { store, defaultWorkspaceId }: { store: AuthStore; defaultWorkspaceId: string },
  workspaceId: string,
): void {
  const kept = store.settings.get('default-workspace')?.value.value;
  if (workspaceId !== defaultWorkspaceId && workspaceId !== kept) return;
  throw new MillraceError('failed_precondition', 'the default workspace can not be deleted');
}

/** The jobs that a user has asked for, newest first; from memory. */
export function listWorkspaceDeletions(
  { workspaceDeletions }: AuthStore,
  { userId }: Pick<ListWorkspaceDeletionsRequest, 'userId'>,
): WorkspaceDeletionRecord[] {
  if (userId === '') throw fieldError('user_id', 'is required');
  // Ids begin with the time.
  return [...workspaceDeletions.entries()]
    .flatMap(([, { value }]) => (value.requestedBy === userId ? [value] : []))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** One of them; `not_found` for anybody else's. */
export function getWorkspaceDeletion(
  store: AuthStore,
  { userId, id }: Pick<GetWorkspaceDeletionRequest, 'userId' | 'id'>,
): WorkspaceDeletionRecord {
  const job = listWorkspaceDeletions(store, { userId }).find((one) => one.id === id);
  if (job === undefined) throw new MillraceError('not_found', 'no such deletion');
  return job;
}
