import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type {
  CreateWorkspaceRequest,
  UpdateWorkspaceRequest,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AuditLog, NewAuditEntry } from '@millrace/stores';
import { recordingRefusals, requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-record.ts';
import {
  checkedRateLimit,
  existing,
  newWorkspace,
  type WorkspaceRecord,
  workspaceNotFound,
} from '../store/workspace-record.ts';
import { checkedWorkspaceName, MAX_WORKSPACES_OWNED, requireStanding } from './workspace-rules.ts';

/** What changing a workspace needs. */
export interface WorkspaceChanges {
  readonly store: AuthStore;
  readonly audit: AuditLog;
}

/** What is to be done to a workspace, and by whom. */
export interface WorkspaceEntry {
  readonly workspaceId: string;
  readonly actor: Actor;
  /** For example `member.invited`. */
  readonly action: string;
  readonly target: NewAuditEntry['target'];
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Changes a workspace by compare-and-set; `change` judges the record as it is at that moment and throws to refuse,
 * which is recorded when the reason is the actor's standing. Recording the success is the caller's, who knows the rest.
 */
export async function changeWorkspace(
  { store, audit }: WorkspaceChanges,
  entry: WorkspaceEntry,
  change: (workspace: WorkspaceRecord) => WorkspaceRecord,
): Promise<WorkspaceRecord> {
  return recordingRefusals(audit, entry, async () => {
    const changed = await changeRecord(store.workspaces, entry.workspaceId, (workspace) =>
      change(existing(workspace)),
    );
    if (changed === undefined) throw workspaceNotFound();
    return changed;
  });
}

/** Changes what the request sets and leaves the rest. */
export async function updateWorkspace(
  dependencies: WorkspaceChanges,
  request: UpdateWorkspaceRequest,
): Promise<WorkspaceRecord> {
  const actor = requiredActor(request.actor);
  const changes = {
    ...(request.name === undefined ? {} : { name: checkedWorkspaceName(request.name) }),
    ...(request.rateLimit === undefined ? {} : { rateLimit: checkedRateLimit(request.rateLimit) }),
  };
  const { workspaceId } = request;
  const entry = {
    workspaceId,
    actor,
    action: 'workspace.updated',
    target: { type: 'workspace', id: workspaceId },
    details: changes,
  };
  const changed = await changeWorkspace(dependencies, entry, (workspace) => {
    requireStanding({ workspace, actor, permission: 'workspace:manage', over: [] });
    return { ...workspace, ...changes };
  });
  await dependencies.audit.record({ ...entry, outcome: 'succeeded' });
  return changed;
}

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
  const record = newWorkspace({
    id: dependencies.newId(),
    name,
    createdAtMs: nowMs,
    members: [{ userId, role: 'owner', joinedAtMs: nowMs }],
  });
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
