import { chatbotError } from '../../dialects/chatbot/encode.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { apiKey, apiKeys, newApiKey } from './encode.ts';
import { keyChanges, newKey, pageQuery, rotation } from './schema.ts';

const TAG = 'API keys';

const FORBIDDEN: DocumentedFailure = {
  kind: 'forbidden',
  permission: 'api-keys:manage',
  description: 'The caller lacks `api-keys:manage`, or a permission that the key would have',
};
const NO_KEY: DocumentedFailure = {
  kind: 'not_found',
  message: 'no such credential',
  description: 'The workspace has no such key',
};
const NO_ROOM: DocumentedFailure = {
  kind: 'contradiction',
  message: 'a workspace has at most 1000 active credentials: deactivate or delete one first',
  description: 'The workspace has as many keys that work as it may',
};
const FIXED: DocumentedFailure = {
  kind: 'contradiction',
  message: 'this credential is set in the environment of the installation and can only be changed there',
  description:
    "The key is set in the installation's environment and changed only there, or the workspace has as many keys as it may",
};
const INVALID: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'invalid_type', path: ['name'], message: 'Required' }],
  description: 'The body does not match the schema; the message lists what is wrong',
};

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
    201: { description: 'The key, shown this once', schema: newApiKey, example: NEW_KEY },
  },
  errors: chatbotError,
  failures: [INVALID, FORBIDDEN, NO_ROOM],
};

/** What `/openapi.json` says of the list. */
export const LIST_DOCUMENTATION: RouteDocumentation = {
  summary: 'List all API keys for customer',
  description:
    'Of every kind, newest first, without the keys themselves. `Link` with `rel="next"` leads to the next page.',
  tag: TAG,
  query: pageQuery,
  responses: { 200: { description: 'The keys', schema: apiKeys, example: [KEY] } },
  errors: chatbotError,
  failures: [FORBIDDEN],
};

/** What `/openapi.json` says of one key. */
export const GET_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get specific API key',
  tag: TAG,
  responses: { 200: { description: 'The key', schema: apiKey, example: KEY } },
  errors: chatbotError,
  failures: [FORBIDDEN, NO_KEY],
};

/** What `/openapi.json` says of a change. */
export const CHANGE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Update API key',
  description:
    'Changes the fields that are given, of which there must be one. `rateLimit: null` takes its limit back.',
  tag: TAG,
  requestBody: { 'application/json': keyChanges },
  responses: { 200: { description: 'The key as it is now', schema: apiKey, example: KEY } },
  errors: chatbotError,
  failures: [INVALID, FORBIDDEN, NO_KEY, FIXED],
};

/** What `/openapi.json` says of the deletion. */
export const DELETE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Delete API key',
  description: 'It is refused everywhere within a second.',
  tag: TAG,
  responses: { 204: { description: 'Deleted' } },
  errors: chatbotError,
  failures: [FORBIDDEN, NO_KEY, FIXED],
};

/** What `/openapi.json` says of the deactivation. */
export const DEACTIVATE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Deactivate API key',
  description: 'It is refused everywhere within a second; `PATCH` with `isActive: true` takes that back.',
  tag: TAG,
  responses: {
    200: { description: 'The key as it is now', schema: apiKey, example: { ...KEY, isActive: false } },
  },
  errors: chatbotError,
  failures: [FORBIDDEN, NO_KEY, FIXED],
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
    201: { description: 'The new key, shown this once', schema: newApiKey, example: NEW_KEY },
  },
  errors: chatbotError,
  failures: [INVALID, FORBIDDEN, NO_KEY, FIXED],
};
