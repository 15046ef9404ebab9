import { create } from '@bufbuild/protobuf';
import * as api from '@millrace/contracts/millrace/api/v1/workspace';
import { z } from 'zod';
import { boundedText } from '../../request/json-types.ts';
import { problem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { deletionJobFields, deletionJobJson, PENDING_EXAMPLE } from '../deletion-job.ts';
import { accessFor, named, ONE, present, type WorkspaceRoute } from './workspace-route.ts';

const JOBS = '/v1/workspace-deletions';

/** Any session of the person: the workspace that they asked it for lets nobody in any more. */
const PERSON = { ...accessFor(), caller: 'person' } as const;

const deletionBody = z.strictObject({
  name: boundedText(1, 128).describe('The workspace’s name, exactly: so that none is deleted by mistake'),
});

const workspaceDeletion = z
  .strictObject({
    id: z.string(),
    workspaceId: z.string(),
    status: z.enum(['pending', 'running', 'done']),
    ...deletionJobFields,
  })
  .meta({ id: 'WorkspaceDeletion' });

const deletionList = z
  .strictObject({ deletions: z.array(workspaceDeletion) })
  .meta({ id: 'WorkspaceDeletionList' });

const STATUSES = {
  [api.WorkspaceDeletionStatus.UNSPECIFIED]: 'pending',
  [api.WorkspaceDeletionStatus.RUNNING]: 'running',
  [api.WorkspaceDeletionStatus.DONE]: 'done',
} as const;

function toJson(job: api.WorkspaceDeletion): z.output<typeof workspaceDeletion> {
  return {
    id: job.id,
    workspaceId: job.workspaceId,
    status: STATUSES[job.status],
    ...deletionJobJson(job),
  };
}

const example: z.output<typeof workspaceDeletion> = {
  id: '0190a1b2-0000-7000-8000-000000000006',
  workspaceId: '0190a1b2-0000-7000-8000-000000000001',
  ...PENDING_EXAMPLE,
};

const NOBODY: DocumentedFailure = {
  kind: 'invalid_credential',
  description: 'No credential, an unknown one, or not the JWT of somebody who has signed in',
};
const common = { tag: 'Workspaces', errors: problem } as const;

const DELETE: RouteDocumentation = {
  ...common,
  summary: 'Delete a workspace',
  description:
    'Needs the JWT of an owner. From the answer on nobody is let in: keys, tokens and sessions of the workspace are refused within a second, the one that asked among them, and its id is never used again. A job deletes what is stored, see `docs/deletion.md`; sign in again to watch it.',
  requestBody: { 'application/json': deletionBody },
  responses: { 202: { description: 'The job', schema: workspaceDeletion, example } },
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['name'], message: 'must be the name of the workspace, exactly' }],
    },
    NOBODY,
    { kind: 'forbidden', permission: '*' },
    { kind: 'not_found', message: 'no such workspace, or your session acts in another one' },
    {
      kind: 'contradiction',
      message: 'the default workspace can not be deleted',
      description: 'The default workspace, or the one whose figures are public',
    },
  ],
};

const LIST: RouteDocumentation = {
  ...common,
  summary: 'List the deletions of workspaces that you have asked for',
  description:
    'The newest first; a job is forgotten 90 days after its end. Needs a JWT, of whichever workspace.',
  responses: {
    200: { description: 'The jobs', schema: deletionList, example: { deletions: [example] } },
  },
  failures: [NOBODY],
};

const GET: RouteDocumentation = {
  ...common,
  summary: 'Watch the deletion of a workspace',
  description:
    'Needs a JWT of the person who asked for it, of whichever workspace. `progress` is the part of the store’s files that are rewritten. A job is done two minutes after it was asked for, at the earliest: it then looks once more.',
  responses: {
    200: {
      description: 'The job',
      schema: workspaceDeletion,
      example: { ...example, status: 'running', startedAt: '2024-01-30T12:34:57.801Z', progress: 0.4 },
    },
  },
  failures: [NOBODY, { kind: 'not_found', message: 'no such deletion' }],
};

/** Ending a workspace, and watching what becomes of what it has stored. */
export const deletionRoutes: readonly WorkspaceRoute[] = [
  {
    method: 'DELETE',
    path: ONE,
    access: { ...accessFor('*'), caller: 'person' },
    documentation: DELETE,
    async answer({ exchange, caller, api: { deleteWorkspace } }) {
      const { name } = await receiveJson(exchange, deletionBody);
      const request = create(api.DeleteWorkspaceRequestSchema, { ...named(exchange), name });
      const { deletion } = await deleteWorkspace(request, caller);
      return jsonReply(workspaceDeletion, 202, toJson(present(deletion)));
    },
  },
  {
    method: 'GET',
    path: JOBS,
    access: PERSON,
    documentation: LIST,
    async answer({ caller, api: { listWorkspaceDeletions } }) {
      const request = create(api.ListWorkspaceDeletionsRequestSchema);
      const { deletions } = await listWorkspaceDeletions(request, caller);
      return jsonReply(deletionList, 200, { deletions: deletions.map(toJson) });
    },
  },
  {
    method: 'GET',
    path: `${JOBS}/:deletionId`,
    access: PERSON,
    documentation: GET,
    async answer({ exchange, caller, api: { getWorkspaceDeletion } }) {
      const id = exchange.params['deletionId'] ?? '';
      const request = create(api.GetWorkspaceDeletionRequestSchema, { id });
      const { deletion } = await getWorkspaceDeletion(request, caller);
      return jsonReply(workspaceDeletion, 200, toJson(present(deletion)));
    },
  },
];
