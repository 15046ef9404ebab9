import { problem } from '../../request/problem/encode-problem.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import * as encode from './encode.ts';
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
const NO_WORKSPACE: DocumentedFailure = {
  kind: 'not_found',
  message: 'no such workspace, or your session acts in another one',
};
const PERSON: DocumentedFailure = {
  kind: 'invalid_credential',
  description: 'No credential, an unknown one, or not the JWT of somebody who has signed in',
};
const LAST_OWNER: DocumentedFailure = {
  kind: 'contradiction',
  message: 'a workspace needs an owner',
  description: 'The workspace would be left without an owner',
};

/** `GET /v1/workspaces`. */
export const LIST: RouteDocumentation = {
  summary: 'List workspaces',
  description:
    'Those that the signed-in person belongs to, oldest first. A key sees its own; its role is null.',
  tag,
  responses: {
    200: {
      description: 'The workspaces',
      schema: encode.workspaceList,
      example: { workspaces: [workspace] },
    },
  },
  errors: problem,
};

/** `POST /v1/workspaces`. */
export const CREATE: RouteDocumentation = {
  summary: 'Create a workspace',
  description: 'Whoever has signed in makes it and owns it. To act in it, ask for a session in it.',
  tag,
  requestBody: { 'application/json': newWorkspaceBody },
  responses: {
    201: {
      description: 'The new workspace',
      schema: encode.workspace,
      example: { ...workspace, rateLimit: null },
    },
  },
  errors: problem,
  failures: [PERSON, { kind: 'contradiction', message: 'a person owns at most 100 workspaces' }],
};

/** `GET /v1/workspaces/:workspaceId`. */
export const GET: RouteDocumentation = {
  summary: 'Read a workspace',
  description: 'The one that the credential acts in; every other one is 404.',
  tag,
  responses: { 200: { description: 'The workspace', schema: encode.workspace, example: workspace } },
  errors: problem,
  failures: [NO_WORKSPACE],
};

/** `PATCH /v1/workspaces/:workspaceId`. */
export const UPDATE: RouteDocumentation = {
  summary: 'Rename a workspace or set its limit',
  description: 'Needs `workspace:manage`. The limit is that of each credential that has none of its own.',
  tag,
  requestBody: { 'application/json': workspaceChangeBody },
  responses: {
    200: { description: 'The workspace as it is now', schema: encode.workspace, example: workspace },
  },
  errors: problem,
  failures: [NO_WORKSPACE],
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
      schema: encode.workspaceSession,
      example: { token: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9…', expiresAt: '2024-01-30T13:34:56.000Z' },
    },
  },
  errors: problem,
  failures: [PERSON, NO_WORKSPACE],
};

/** `GET /v1/workspaces/:workspaceId/members`. */
export const LIST_MEMBERS: RouteDocumentation = {
  summary: 'List members and open invitations',
  description: 'Needs `members:read`.',
  tag,
  responses: {
    200: {
      description: 'Everybody, oldest first',
      schema: encode.memberList,
      example: { members: [member], invitations: [invitation] },
    },
  },
  errors: problem,
  failures: [NO_WORKSPACE],
};

/** `POST /v1/workspaces/:workspaceId/invitations`. */
export const INVITE: RouteDocumentation = {
  summary: 'Invite somebody',
  description:
    'Needs `members:manage`. Whoever signs in with the address becomes a member; inviting it again renews the invitation. The role is no higher than the caller’s.',
  tag,
  requestBody: { 'application/json': invitationBody },
  responses: {
    201: { description: 'The invitation', schema: encode.invitation, example: invitation },
  },
  errors: problem,
  failures: [
    NO_WORKSPACE,
    {
      kind: 'contradiction',
      message: 'the address is a member’s',
      description: 'The address is a member’s',
    },
  ],
};

/** `DELETE /v1/workspaces/:workspaceId/invitations/:invitationId`. */
export const REVOKE_INVITATION: RouteDocumentation = {
  summary: 'Take an invitation back',
  description: 'Needs `members:manage`.',
  tag,
  responses: { 204: { description: 'It is void' } },
  errors: problem,
  failures: [NO_WORKSPACE],
};

/** `PATCH /v1/workspaces/:workspaceId/members/:userId`. */
export const UPDATE_MEMBER: RouteDocumentation = {
  summary: 'Change a member’s role',
  description: 'Needs `members:manage`. Neither the old nor the new role is higher than the caller’s.',
  tag,
  requestBody: { 'application/json': memberChangeBody },
  responses: {
    200: { description: 'The member as they are now', schema: encode.member, example: member },
  },
  errors: problem,
  failures: [NO_WORKSPACE, LAST_OWNER],
};

/** `DELETE /v1/workspaces/:workspaceId/members/:userId`. */
export const REMOVE_MEMBER: RouteDocumentation = {
  summary: 'Remove a member, or leave',
  description: 'Needs `members:manage`, or the JWT of the member.',
  tag,
  query: removalQuery,
  responses: {
    200: {
      description: 'They are out; so many of their keys were deactivated',
      schema: encode.removal,
      example: { revokedKeys: 2 },
    },
  },
  errors: problem,
  failures: [
    NO_WORKSPACE,
    LAST_OWNER,
    { kind: 'refused', message: 'the credential lacks the permission members:manage' },
  ],
};
