import { randomUUID } from 'node:crypto';
import { Role } from '@millrace/contracts/millrace/api/v1/workspace';
import type { Planted } from './planted-workspace.ts';
import type { SampleRequest } from './sample-request.ts';
import { webhookSamples } from './webhook-samples.ts';

const own = { elsewhere: 'own' } as const;
const MEMBERS_MANAGE = ['members:manage'];

const workflowEvent = { name: 'sample' };
const analyticsEvent = {
  eventType: 'sample',
  userId: 'u',
  sessionId: 's',
  timestamp: '2024-01-30T12:34:56Z',
};
const emailEvent = { email_id: 'e', domain: 'example.com', metadata: {} };
const cloudEvent = { specversion: '1.0', id: 'sample', source: '/sample', type: 'sample' };

/** A request for every operation, by its name. A new operation gets a line here. */
export function samplesFor(planted: Planted): Readonly<Record<string, SampleRequest>> {
  return {
    ...ingestSamples(planted),
    ...nativeSamples(planted),
    ...keySamples(planted),
    ...methodSamples(planted),
    ...webhookSamples(planted),
    ...OPEN,
  };
}

/** What anybody may call: no operation becomes public without being named here. */
export const OPEN: Readonly<Record<string, SampleRequest>> = {
  'POST /api/auth/request-code': { body: { email: 'sample@example.com' }, ...own },
  // A wrong code is a 401 of its own; what matters here is that nobody is asked for a credential.
  'POST /api/auth/verify': { body: { email: 'sample@example.com' }, ...own },
  'GET /.well-known/jwks.json': own,
  'GET /health': own,
  'GET /api/health': own,
  'GET /api/ready': own,
  'GET /api/live': own,
  'GET /openapi.json': own,
  'GET /docs': own,
  'GET /docs/:file': { params: { file: 'start.js' }, ...own },
  'grpc.health.v1.Health/Check': own,
  'grpc.health.v1.Health/List': own,
  'grpc.health.v1.Health/Watch': { lasts: true, ...own },
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': { body: listServices(), ...own },
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': { body: listServices(), ...own },
};

function ingestSamples({ workspaceId }: Planted): Readonly<Record<string, SampleRequest>> {
  const external = {
    params: { workspaceId },
    body: { type: 'sample', payload: {} },
    elsewhere: 401,
  } as const;
  return {
    'POST /api/v1/events': { body: { ...analyticsEvent, ...workflowEvent }, ...own },
    'POST /api/v1/events/batch': { body: { events: [analyticsEvent] }, ...own },
    'GET /api/v1/events/stats': own,
    'GET /api/v1/analytics/metrics': own,
    'POST /api/external-event/:workspaceId': external,
    'POST /external-event/:workspaceId': external,
    'POST /email': { body: emailEvent, refusal: 401, ...own },
    'POST /email/batch': { body: [emailEvent], refusal: 401, ...own },
    'POST /cloudevents': { body: cloudEvent, contentType: 'application/cloudevents+json', ...own },
    'POST /webhooks/trigger': { body: { event: 'sample' }, ...own },
    'POST /v1/ingest': { body: [{ type: 'sample' }], ...own },
    'millrace.api.v1.EventService/Ingest': { body: { events: [{ type: 'sample' }] }, ...own },
    'millrace.api.v1.EventService/IngestStream': { body: { events: [{ type: 'sample' }] }, ...own },
  };
}

function nativeSamples(planted: Planted): Readonly<Record<string, SampleRequest>> {
  const { workspaceId, workspaceName, memberId: userId, invitationId, eventName } = planted;
  const one = { params: { workspaceId }, elsewhere: 404 } as const;
  const member = { params: { workspaceId, userId }, elsewhere: 404 } as const;
  const schema = { params: { eventName }, elsewhere: 404 } as const;
  return {
    'GET /v1/workspaces': own,
    'POST /v1/workspaces': { body: { name: 'Sample' }, ...own },
    'GET /v1/workspaces/:workspaceId': one,
    'PATCH /v1/workspaces/:workspaceId': { ...one, body: { name: workspaceName } },
    'POST /v1/workspaces/:workspaceId/session': one,
    'GET /v1/workspaces/:workspaceId/members': one,
    'POST /v1/workspaces/:workspaceId/invitations': {
      ...one,
      body: {
        get email() {
          return newAddress();
        },
        role: 'viewer',
      },
    },
    'DELETE /v1/workspaces/:workspaceId/invitations/:invitationId': {
      params: { workspaceId, invitationId },
      elsewhere: 404,
    },
    'PATCH /v1/workspaces/:workspaceId/members/:userId': { ...member, body: { role: 'viewer' } },
    'DELETE /v1/workspaces/:workspaceId/members/:userId': { ...member, alsoNeeds: MEMBERS_MANAGE },
    // Whoever may is told that this is not its name: the others still need the workspace.
    'DELETE /v1/workspaces/:workspaceId': { ...one, body: { name: `not ${workspaceName}` } },
    'GET /v1/workspace-deletions': own,
    'GET /v1/workspace-deletions/:deletionId': { params: { deletionId: 'none' }, elsewhere: 404 },
    'GET /v1/schemas': own,
    'GET /v1/schemas/:eventName': schema,
    'GET /v1/schemas/:eventName/versions': schema,
    'GET /v1/schemas/:eventName/versions/:version': {
      params: { eventName, version: '1' },
      elsewhere: 404,
    },
    // The same name elsewhere is a schema of its own.
    'PUT /v1/schemas/:eventName': { ...schema, body: { schema: {} }, ...own },
    'DELETE /v1/schemas/:eventName': { ...schema, ...own },
    'GET /v1/audit': own,
    'POST /v1/deletions': { body: { userId: 'nobody' }, ...own },
    'GET /v1/deletions': own,
    'GET /v1/deletions/:id': { params: { id: planted.deletionId }, elsewhere: 404 },
    'GET /v1/export': own,
    'millrace.api.v1.AnalyticsService/ExportEvents': own,
    'GET /v1/retention': own,
    'PUT /v1/retention': { body: { days: null }, ...own },
    'millrace.api.v1.DeletionService/CreateDeletion': { body: { userId: 'nobody' }, ...own },
    'millrace.api.v1.DeletionService/ListDeletions': own,
    'millrace.api.v1.DeletionService/GetDeletion': { body: { id: planted.deletionId }, elsewhere: 404 },
    'millrace.api.v1.DeletionService/GetRetention': own,
    'millrace.api.v1.DeletionService/PutRetention': { body: { days: 0 }, ...own },
    'GET /v1/events/tail': { lasts: true, ...own },
    'millrace.api.v1.AnalyticsService/TailEvents': { lasts: true, ...own },
    'POST /v1/sql': { body: { query: 'SELECT count() FROM events' }, ...own },
    'GET /v1/events': own,
    'GET /v1/events/:id': { params: { id: planted.eventId }, elsewhere: 404 },
    ...deadLetterSamples(),
    'POST /v1/query': { body: { breakdown: { fields: ['id'] } }, ...own },
    'millrace.api.v1.AnalyticsService/Query': {
      body: { query: { question: { case: 'breakdown', value: { fields: ['id'] } } } },
      ...own,
    },
    'GET /v1/properties': own,
    // The same path elsewhere is a property of its own.
    'PUT /v1/properties': { body: { path: planted.property }, ...own },
    'DELETE /v1/properties': { query: { path: planted.property }, ...own },
    'millrace.api.v1.AnalyticsService/ListProperties': own,
    'millrace.api.v1.AnalyticsService/PutProperty': { body: { path: planted.property }, ...own },
    'millrace.api.v1.AnalyticsService/DeleteProperty': { body: { path: planted.property }, ...own },
    'millrace.api.v1.AnalyticsService/ListEvents': own,
    'millrace.api.v1.AnalyticsService/GetEvent': { body: { id: planted.eventId }, elsewhere: 404 },
    'millrace.api.v1.AnalyticsService/GetReceipt': { body: { id: planted.eventId }, elsewhere: 404 },
    'millrace.api.v1.AnalyticsService/ListFieldNames': own,
    'millrace.api.v1.AnalyticsService/ListFieldValues': { body: { field: 'id' }, ...own },
  };
}

function deadLetterSamples(): Readonly<Record<string, SampleRequest>> {
  const one = { params: { id: '1000-1-0' }, elsewhere: 404 } as const;
  const method = { body: { id: '1000-1-0' }, elsewhere: 404 } as const;
  const alsoNeeds = ['events:read'];
  return {
    'GET /v1/dead-letters': own,
    'GET /v1/dead-letters/:id': one,
    'PATCH /v1/dead-letters/:id': { ...one, body: { priority: 1 }, alsoNeeds },
    'DELETE /v1/dead-letters/:id': { ...one, alsoNeeds },
    'POST /v1/dead-letters/:id/replay': { ...one, alsoNeeds },
    'POST /v1/dead-letters/replay': { body: {}, alsoNeeds, ...own },
    'POST /v1/dead-letters/discard': { body: {}, alsoNeeds, ...own },
    'millrace.api.v1.DeadLetterService/ListDeadLetters': own,
    'millrace.api.v1.DeadLetterService/GetDeadLetter': method,
    'millrace.api.v1.DeadLetterService/EditDeadLetter': {
      ...method,
      body: { ...method.body, event: { priority: 1 }, updateMask: { paths: ['priority'] } },
      alsoNeeds,
    },
    'millrace.api.v1.DeadLetterService/ReplayDeadLetters': { body: {}, alsoNeeds, ...own },
    'millrace.api.v1.DeadLetterService/DiscardDeadLetters': { body: {}, alsoNeeds, ...own },
    'millrace.api.v1.DeadLetterService/ReplayDeadLetter': { ...method, alsoNeeds },
    'millrace.api.v1.DeadLetterService/DiscardDeadLetter': { ...method, alsoNeeds },
  };
}

function keySamples({ keyId: id, externalTokenId }: Planted): Readonly<Record<string, SampleRequest>> {
  const one = { params: { id }, elsewhere: 404 } as const;
  const query = `mutation { revokeExternalEventToken(id: "${externalTokenId}") }`;
  return {
    'POST /graphql': { body: { query }, elsewhere: /"code":"NOT_FOUND"/ },
    'POST /api/auth/api-key': { body: { name: 'sample' }, ...own },
    'GET /api/auth/me': own,
    'POST /api/auth/sign-out': own,
    'POST /api-keys': { body: { name: 'sample', permissions: [] }, ...own },
    'GET /api-keys': own,
    'GET /api-keys/:id': one,
    'PATCH /api-keys/:id': { ...one, body: { name: 'sample' } },
    'DELETE /api-keys/:id': one,
    'POST /api-keys/:id/deactivate': one,
    'POST /api-keys/:id/rotate': { ...one, body: {} },
  };
}

function methodSamples(planted: Planted): Readonly<Record<string, SampleRequest>> {
  const { workspaceId, workspaceName: name, memberId: userId, invitationId } = planted;
  const one = { body: { workspaceId }, elsewhere: 404 } as const;
  const invited = {
    workspaceId,
    get email() {
      return newAddress();
    },
    role: Role.VIEWER,
  };
  const ofWorkspaces: Readonly<Record<string, SampleRequest>> = {
    CreateWorkspace: { body: { name: 'Sample' }, ...own },
    ListWorkspaces: own,
    GetWorkspace: one,
    UpdateWorkspace: { body: { workspaceId, name }, elsewhere: 404 },
    CreateWorkspaceSession: one,
    ListMembers: one,
    InviteMember: { body: invited, elsewhere: 404 },
    RevokeInvitation: { body: { workspaceId, invitationId }, elsewhere: 404 },
    UpdateMember: { body: { workspaceId, userId, role: Role.VIEWER }, elsewhere: 404 },
    RemoveMember: { body: { workspaceId, userId }, elsewhere: 404, alsoNeeds: MEMBERS_MANAGE },
    DeleteWorkspace: { body: { workspaceId, name: `not ${name}` }, elsewhere: 404 },
    ListWorkspaceDeletions: own,
    GetWorkspaceDeletion: { body: { id: 'none' }, elsewhere: 404 },
  };
  return Object.fromEntries(
    Object.entries(ofWorkspaces).map(([method, sample]) => [
      `millrace.api.v1.WorkspaceService/${method}`,
      sample,
    ]),
  );
}

function listServices() {
  return { messageRequest: { case: 'listServices', value: '' } };
}

/** Another one for each call: one and the same may not be written to so often. */
function newAddress(): string {
  return `${randomUUID()}@example.com`;
}
