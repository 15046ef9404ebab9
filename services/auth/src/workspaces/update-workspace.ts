import type { UpdateWorkspaceRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { requiredActor } from '../actor.ts';
import { checkedRateLimit } from '../store/rate-limit.ts';
import type { WorkspaceRecord } from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { requireStanding } from './standing.ts';
import { checkedWorkspaceName } from './workspace-input.ts';

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
  const deed = {
    workspaceId,
    actor,
    action: 'workspace.updated',
    target: { type: 'workspace', id: workspaceId },
    details: changes,
  };
  const changed = await changeWorkspace(dependencies, deed, (workspace) => {
    requireStanding({ workspace, actor, permission: 'workspace:manage', over: [] });
    return { ...workspace, ...changes };
  });
  await dependencies.audit.record({ ...deed, outcome: 'succeeded' });
  return changed;
}
