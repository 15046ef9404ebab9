import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { actorOf } from '../management/actor.ts';
import { type Caller, createWorkspaceApi } from '../management/workspaces/workspace-api.ts';
import type { ApiDeps } from '../request/api.ts';
import { originOf } from './call-record.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.WorkspaceService`. */
export function createWorkspaceService({
  auth,
  publicGrant,
}: Pick<ApiDeps, 'auth' | 'publicGrant'>): ServiceImpl<typeof WorkspaceService> {
  const api = createWorkspaceApi(auth, publicGrant);
  return {
    createWorkspace: (request, context) => api.createWorkspace(request, callerFrom(context)),
    listWorkspaces: (request, context) => api.listWorkspaces(request, callerFrom(context)),
    getWorkspace: (request, context) => api.getWorkspace(request, callerFrom(context)),
    updateWorkspace: (request, context) => api.updateWorkspace(request, callerFrom(context)),
    createWorkspaceSession: (request, context) => api.createWorkspaceSession(request, callerFrom(context)),
    listMembers: (request, context) => api.listMembers(request, callerFrom(context)),
    inviteMember: (request, context) => api.inviteMember(request, callerFrom(context)),
    revokeInvitation: (request, context) => api.revokeInvitation(request, callerFrom(context)),
    updateMember: (request, context) => api.updateMember(request, callerFrom(context)),
    removeMember: (request, context) => api.removeMember(request, callerFrom(context)),
    deleteWorkspace: (request, context) => api.deleteWorkspace(request, callerFrom(context)),
    listWorkspaceDeletions: (request, context) => api.listWorkspaceDeletions(request, callerFrom(context)),
    getWorkspaceDeletion: (request, context) => api.getWorkspaceDeletion(request, callerFrom(context)),
  };
}

function callerFrom(context: HandlerContext): Caller {
  const grant = callerOf(context);
  return { grant, actor: actorOf(originOf(context), grant) };
}
