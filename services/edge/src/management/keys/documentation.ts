import { STATUS_CODES } from 'node:http';
import type { RouteDocumentation } from '../../server/route.ts';
import { keyChanges, newKey, pageQuery, rotation } from './schema.ts';

const TAG = 'API keys';

const failed = (statusCode: number, code: string, message: string | readonly string[]) => ({
  statusCode,
  message,
  error: STATUS_CODES[statusCode],
  code,
});

const ERRORS = {
  401: {
    description: 'No key and no JWT, or an unknown, expired or revoked one',
    example: failed(401, 'UNAUTHORIZED', 'The credential is not valid here, expired or revoked'),
  },
  403: {
    description: 'The caller lacks `api-keys:manage`, or a permission that the key would have',
    example: failed(403, 'FORBIDDEN', 'The credential lacks the permission api-keys:manage'),
  },
  429: {
    description: 'Too many requests; see `Retry-After`',
    example: failed(429, 'RATE_LIMITED', 'Too many requests'),
  },
  500: {
    description: 'Internal server error',
    example: failed(500, 'INTERNAL_ERROR', 'Internal server error'),
  },
  503: {
    description: 'Not available now; see `Retry-After`',
    example: failed(503, 'SERVICE_UNAVAILABLE', 'Not available now, try again'),
  },
} satisfies RouteDocumentation['responses'];

const ONE_ERRORS = {
  ...ERRORS,
  404: {
    description: 'The workspace has no such key',
    example: failed(404, 'NOT_FOUND', 'no such credential'),
  },
} satisfies RouteDocumentation['responses'];

const ROOM_ERROR = {
  description: 'The workspace has as many keys that work as it may',
  example: failed(
    409,
    'CONFLICT',
    'a workspace has at most 1000 active credentials: deactivate or delete one first',
  ),
};

const CHANGE_ERRORS = {
  ...ONE_ERRORS,
  409: {
    description:
      "The key is set in the installation's environment and changed only there, or the workspace has as many keys as it may",
    example: failed(
      409,
      'CONFLICT',
      'this credential is set in the environment of the installation and can only be changed there',
    ),
  },
} satisfies RouteDocumentation['responses'];

const BODY_ERRORS = {
  400: {
    description: 'The body does not match the schema; the message lists what is wrong',
    example: failed(400, 'VALIDATION_ERROR', ['name is required']),
  },
  413: {
    description: 'The request body is too large',
    example: failed(413, 'PAYLOAD_TOO_LARGE', 'The request body is larger than 1048576 bytes'),
  },
  415: {
    description: 'The request body is not JSON in UTF-8',
    example: failed(415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json'),
  },
} satisfies RouteDocumentation['responses'];

const KEY = {
  id: 'uuid',
  name: 'Production API Key',
  permissions: ['messages:send', 'conversations:read'],
  isActive: true,
  createdAt: '2024-01-01T00:00:00.000Z',
  lastUsedAt: null,
  expiresAt: null,
  kind: 'secret_key',
  prefix: 'sk_lV4gX',
  lastFour: 'crvZ',
  rateLimit: null,
};
const NEW_KEY = { ...KEY, key: 'sk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' };

/** What `/openapi.json` says of the creation. */
export const CREATE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Create a new API key',
  description:
    "Permissions are free strings; of Millrace's own (`events:write`, `events:read`, `analytics:read`, …) a caller can give those " +
    'that it has.',
  tag: TAG,
  requestBody: { 'application/json': newKey },
  responses: {
    201: { description: 'The key, shown this once', example: NEW_KEY },
    409: ROOM_ERROR,
    ...ERRORS,
    ...BODY_ERRORS,
  },
};

/** What `/openapi.json` says of the list. */
export const LIST_DOCUMENTATION: RouteDocumentation = {
  summary: 'List all API keys for customer',
  description:
    'Of every kind, newest first, without the keys themselves. `Link` with `rel="next"` leads to the next page.',
  tag: TAG,
  query: pageQuery,
  responses: { 200: { description: 'The keys', example: [KEY] }, 400: BODY_ERRORS[400], ...ERRORS },
};

/** What `/openapi.json` says of one key. */
export const GET_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get specific API key',
  tag: TAG,
  responses: { 200: { description: 'The key', example: KEY }, ...ONE_ERRORS },
};

/** What `/openapi.json` says of a change. */
export const CHANGE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Update API key',
  description:
    'Changes the fields that are given, of which there must be one. `rateLimit: null` takes its limit back.',
  tag: TAG,
  requestBody: { 'application/json': keyChanges },
  responses: { 200: { description: 'The key as it is now', example: KEY }, ...CHANGE_ERRORS, ...BODY_ERRORS },
};

/** What `/openapi.json` says of the deletion. */
export const DELETE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Delete API key',
  description: 'It is refused everywhere within a second.',
  tag: TAG,
  responses: { 204: { description: 'Deleted' }, ...CHANGE_ERRORS },
};

/** What `/openapi.json` says of the deactivation. */
export const DEACTIVATE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Deactivate API key',
  description: 'It is refused everywhere within a second; `PATCH` with `isActive: true` takes that back.',
  tag: TAG,
  responses: {
    200: { description: 'The key as it is now', example: { ...KEY, isActive: false } },
    ...CHANGE_ERRORS,
  },
};

/** What `/openapi.json` says of the rotation. */
export const ROTATE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Replace an API key',
  description:
    'Makes a key with the same name, permissions and limit. The old one works on for `overlapSeconds`, at most 30 days; without ' +
    'them it stops at once.',
  tag: TAG,
  requestBody: { 'application/json': rotation },
  responses: {
    201: { description: 'The new key, shown this once', example: NEW_KEY },
    ...CHANGE_ERRORS,
    ...BODY_ERRORS,
  },
};
