import { problemResponses } from '../../request/problem/problem-responses.ts';
import type { RouteDocumentation } from '../../server/route.ts';
import {
  invitationBody,
  memberChangeBody,
  newWorkspaceBody,
  removalQuery,
  workspaceChangeBody,
} from './schema.ts';

const tag = 'Workspaces';
const workspace = {
  id: '0190a1b2-0000-7000-8000-000000000001',
  name: 'Acme',
  role: 'owner',
  createdAt: '2024-01-30T12:34:56.789Z',
  rateLimit: { requestsPerMinute: 6000, burst: 1000 },
};
const member = {
  userId: '0190a1b2-0000-7000-8000-000000000002',
  email: 'ada@example.com',
  role: 'admin',
  joinedAt: '2024-01-30T12:34:56.789Z',
};
const invitation = {
  id: '0190a1b2-0000-7000-8000-000000000003',
  email: 'grace@example.com',
  role: 'viewer',
  createdAt: '2024-01-30T12:34:56.789Z',
  expiresAt: '2024-02-06T12:34:56.789Z',
};
const READ = [401, 403, 404, 429, 503] as const;
const WRITE = [400, ...READ, 413, 415] as const;
const PERSON = 'No credential, an unknown one, or not the JWT of somebody who has signed in';

/** `GET /v1/workspaces`. */
export const LIST: RouteDocumentation = {
  summary: 'List workspaces',
  description:
    'Those that the signed-in person belongs to, oldest first. A key sees its own; its role is null.',
  tag,
  responses: {
    200: { description: 'The workspaces', example: { workspaces: [workspace] } },
    ...problemResponses([401, 429, 503]),
  },
};

/** `POST /v1/workspaces`. */
export const CREATE: RouteDocumentation = {
  summary: 'Create a workspace',
  description: 'Whoever has signed in makes it and owns it. To act in it, ask for a session in it.',
  tag,
  requestBody: { 'application/json': newWorkspaceBody },
  responses: {
    201: { description: 'The new workspace', example: { ...workspace, rateLimit: null } },
    ...problemResponses([400, 401, 403, 409, 413, 415, 429, 503], { 401: PERSON }),
  },
};

/** `GET /v1/workspaces/:workspaceId`. */
export const GET: RouteDocumentation = {
  summary: 'Read a workspace',
  description: 'The one that the credential acts in; every other one is 404.',
  tag,
  responses: {
    200: { description: 'The workspace', example: workspace },
    ...problemResponses([401, 404, 429, 503]),
  },
};

/** `PATCH /v1/workspaces/:workspaceId`. */
export const UPDATE: RouteDocumentation = {
  summary: 'Rename a workspace or set its limit',
  description: 'Needs `workspace:manage`. The limit is that of each credential that has none of its own.',
  tag,
  requestBody: { 'application/json': workspaceChangeBody },
  responses: {
    200: { description: 'The workspace as it is now', example: workspace },
    ...problemResponses(WRITE),
  },
};

/** `POST /v1/workspaces/:workspaceId/session`. */
export const SESSION: RouteDocumentation = {
  summary: 'Act in another workspace',
  description:
    'Gives a JWT that acts in the named workspace, of which the signed-in person must be a member. It stops working when the presented one does.',
  tag,
  responses: {
    201: {
      description: 'The session',
      example: { token: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9…', expiresAt: '2024-01-30T13:34:56.000Z' },
    },
    ...problemResponses([401, 404, 429, 503], { 401: PERSON }),
  },
};

/** `GET /v1/workspaces/:workspaceId/members`. */
export const LIST_MEMBERS: RouteDocumentation = {
  summary: 'List members and open invitations',
  description: 'Needs `members:read`.',
  tag,
  responses: {
    200: {
      description: 'Everybody, oldest first',
      example: { members: [member], invitations: [invitation] },
    },
    ...problemResponses(READ),
  },
};

/** `POST /v1/workspaces/:workspaceId/invitations`. */
export const INVITE: RouteDocumentation = {
  summary: 'Invite somebody',
  description:
    'Needs `members:manage`. Whoever signs in with the address becomes a member; inviting it again renews the invitation. The role is no higher than the caller’s.',
  tag,
  requestBody: { 'application/json': invitationBody },
  responses: {
    201: { description: 'The invitation', example: invitation },
    ...problemResponses([...WRITE, 409], { 409: 'The address is a member’s' }),
  },
};

/** `DELETE /v1/workspaces/:workspaceId/invitations/:invitationId`. */
export const REVOKE_INVITATION: RouteDocumentation = {
  summary: 'Take an invitation back',
  description: 'Needs `members:manage`.',
  tag,
  responses: { 204: { description: 'It is void' }, ...problemResponses(READ) },
};

/** `PATCH /v1/workspaces/:workspaceId/members/:userId`. */
export const UPDATE_MEMBER: RouteDocumentation = {
  summary: 'Change a member’s role',
  description: 'Needs `members:manage`. Neither the old nor the new role is higher than the caller’s.',
  tag,
  requestBody: { 'application/json': memberChangeBody },
  responses: {
    200: { description: 'The member as they are now', example: member },
    ...problemResponses([...WRITE, 409], { 409: 'The workspace would be left without an owner' }),
  },
};

/** `DELETE /v1/workspaces/:workspaceId/members/:userId`. */
export const REMOVE_MEMBER: RouteDocumentation = {
  summary: 'Remove a member, or leave',
  description: 'Needs `members:manage`, or the JWT of the member.',
  tag,
  query: removalQuery,
  responses: {
    200: { description: 'They are out; so many of their keys were deactivated', example: { revokedKeys: 2 } },
    ...problemResponses([400, ...READ, 409], { 409: 'The workspace would be left without an owner' }),
  },
};
