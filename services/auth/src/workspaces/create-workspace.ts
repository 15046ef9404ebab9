import type { CreateWorkspaceRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Clock, MillraceError } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-index.ts';
import type { WorkspaceRecord } from '../store/workspace-record.ts';
import type { WorkspaceChanges } from './change-workspace.ts';
import { checkedWorkspaceName } from './workspace-input.ts';
import { MAX_WORKSPACES_OWNED } from './workspace-limits.ts';

/** Makes a workspace that the asking person owns; `failed_precondition` when they own 100 already. */
export async function createWorkspace(
  dependencies: WorkspaceChanges & {
    memberships: Memberships;
    users: UserIndex;
    clock: Clock;
    newId: () => string;
  },
  request: CreateWorkspaceRequest,
): Promise<WorkspaceRecord> {
  const { store, audit, memberships, users, clock } = dependencies;
  const actor = requiredActor(request.actor);
  const name = checkedWorkspaceName(request.name);
  const { userId } = actor;
  if (users.byId(userId) === undefined) {
    throw new MillraceError('permission_denied', 'only a person can make a workspace: sign in first');
  }
  const owned = memberships
    .workspacesOf(userId)
    .filter(({ id }) => memberships.roleOf(id, userId) === 'owner');
  if (owned.length >= MAX_WORKSPACES_OWNED) {
    throw new MillraceError(
      'failed_precondition',
      `a person can own at most ${MAX_WORKSPACES_OWNED} workspaces`,
    );
  }
  const nowMs = clock.now();
  const record: WorkspaceRecord = {
    id: dependencies.newId(),
    name,
    createdAtMs: nowMs,
    members: [{ userId, role: 'owner', joinedAtMs: nowMs }],
    invitations: [],
    rateLimit: null,
  };
  const outcome = await store.workspaces.create(record.id, record);
  if (outcome.kind === 'conflict') throw new MillraceError('internal', 'a new id was not unique');
  await audit.record({
    workspaceId: record.id,
    action: 'workspace.created',
    outcome: 'succeeded',
    actor,
    target: { type: 'workspace', id: record.id },
    details: { name },
  });
  return record;
}
