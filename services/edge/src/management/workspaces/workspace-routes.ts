import { create } from '@bufbuild/protobuf';
import * as api from '@millrace/contracts/millrace/api/v1/workspace';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import { isoTime } from '../../request/rfc3339.ts';
import * as documentation from './documentation.ts';
import * as encode from './encode.ts';
import { newWorkspaceBody, workspaceChangeBody } from './schema.ts';
import { accessFor, COLLECTION, named, ONE, present, type WorkspaceRoute } from './workspace-route.ts';

/** A session is a secret, which no cache may keep. */
const NOT_STORED: readonly string[] = ['cache-control', 'no-store'];

/** Making, reading and changing workspaces, and acting in another one. */
export const workspaceRoutes: readonly WorkspaceRoute[] = [
  {
    method: 'GET',
    path: COLLECTION,
    access: accessFor(),
    documentation: documentation.LIST,
    async answer({ caller, api: { listWorkspaces } }) {
      const { workspaces } = await listWorkspaces(create(api.ListWorkspacesRequestSchema), caller);
      return jsonReply(encode.workspaceList, 200, { workspaces: workspaces.map(encode.workspaceJson) });
    },
  },
  {
    method: 'POST',
    path: COLLECTION,
    access: { ...accessFor(), caller: 'person' },
    documentation: documentation.CREATE,
    async answer({ exchange, caller, api: { createWorkspace } }) {
      const body = await receiveJson(exchange, newWorkspaceBody);
      const { workspace } = await createWorkspace(create(api.CreateWorkspaceRequestSchema, body), caller);
      return jsonReply(encode.workspace, 201, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'GET',
    path: ONE,
    access: accessFor(),
    documentation: documentation.GET,
    async answer({ exchange, caller, api: { getWorkspace } }) {
      const { workspace } = await getWorkspace(
        create(api.GetWorkspaceRequestSchema, named(exchange)),
        caller,
      );
      return jsonReply(encode.workspace, 200, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'PATCH',
    path: ONE,
    access: accessFor('workspace:manage'),
    documentation: documentation.UPDATE,
    async answer({ exchange, caller, api: { updateWorkspace } }) {
      const { name, rateLimit } = await receiveJson(exchange, workspaceChangeBody);
      const request = create(api.UpdateWorkspaceRequestSchema, {
        ...named(exchange),
        ...(name === undefined ? {} : { name }),
        // The contract's way to take a limit back is one of zero requests.
        ...(rateLimit === undefined ? {} : { rateLimit: rateLimit ?? {} }),
      });
      const { workspace } = await updateWorkspace(request, caller);
      return jsonReply(encode.workspace, 200, encode.workspaceJson(present(workspace)));
    },
  },
  {
    method: 'POST',
    path: `${ONE}/session`,
    access: { ...accessFor(), caller: 'person' },
    documentation: documentation.SESSION,
    async answer({ exchange, caller, api: { createWorkspaceSession } }) {
      const request = create(api.CreateWorkspaceSessionRequestSchema, named(exchange));
      const { token, expiresAt } = await createWorkspaceSession(request, caller);
      return jsonReply(encode.workspaceSession, 201, { token, expiresAt: isoTime(expiresAt) }, NOT_STORED);
    },
  },
];
