import type { z } from 'zod';
import { chatbotError } from '../../dialects/chatbot/encode.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { pageQuery } from './list-query.ts';
import { NO_ENDPOINT } from './webhook-api.ts';
import {
  newWebhook,
  newWebhookBody,
  rotatedSecret,
  webhook,
  webhookChangesBody,
  webhookList,
} from './webhook-json.ts';

/** What all of these routes have. */
export const COMMON = { tag: 'Webhooks', errors: chatbotError } as const;

/** The caller may not. */
export const FORBIDDEN: DocumentedFailure = { kind: 'forbidden', permission: 'webhooks:manage' };
/** The path names nothing. */
export const NO_WEBHOOK: DocumentedFailure = {
  kind: 'not_found',
  message: NO_ENDPOINT,
  description: 'The workspace has no such endpoint, or it is not called by HTTP',
};
/** A service or store can't be asked. */
export const AWAY: DocumentedFailure = {
  kind: 'unavailable',
  retryAfterSeconds: 1,
  description: 'The webhook service or a store is away',
};
/** The body says what can't be. */
export const INVALID: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'custom', path: ['url'], message: 'must not lead to a private address' }],
  description:
    'The body does not match the schema or the rules for endpoints; the message lists what is wrong',
};

/** An endpoint. */
export const EXAMPLE: z.output<typeof webhook> = {
  id: '0190a1b2-0000-7000-8000-000000000003',
  url: 'https://example.com/hooks',
  headers: {},
  signature: 'hmac-sha256',
  publicKey: null,
  events: ['message.*'],
  description: '',
  isActive: true,
  filter: null,
  rateLimit: null,
  maxInFlight: 10,
  ordered: false,
  retryPolicy: 'fast',
  disabledReason: null,
  failingSince: null,
  createdAt: '2024-01-30T12:34:56.789Z',
  updatedAt: '2024-01-30T12:34:56.789Z',
};
const SECRET = 'whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=';

/** What `/openapi.json` says of the creation. */
export const CREATE: RouteDocumentation = {
  ...COMMON,
  summary: 'Create a webhook endpoint',
  description:
    'Needs `webhooks:manage`. Events of the workspace that match are posted to `url` from now on: `{"event","timestamp","data"}`, signed. Only `url` and `events` are required.',
  requestBody: { 'application/json': newWebhookBody },
  responses: {
    201: {
      description: 'The endpoint, with the secret that is shown this once',
      schema: newWebhook,
      example: { ...EXAMPLE, secret: SECRET },
    },
  },
  failures: [
    INVALID,
    FORBIDDEN,
    {
      kind: 'contradiction',
      message: 'the workspace has as many endpoints as it may',
      description: 'The workspace has as many endpoints as it may',
    },
    AWAY,
  ],
};

/** What `/openapi.json` says of the list. */
export const LIST: RouteDocumentation = {
  ...COMMON,
  summary: 'List webhook endpoints',
  description:
    'Oldest first, without secrets. `Link` with `rel="next"` leads to the next page. A page may be shorter than `limit`: triggers with other targets, which `/v1/triggers` shows, are left out.',
  query: pageQuery,
  responses: { 200: { description: 'The endpoints', schema: webhookList, example: [EXAMPLE] } },
  failures: [FORBIDDEN, AWAY],
};

/** What `/openapi.json` says of one endpoint. */
export const GET: RouteDocumentation = {
  ...COMMON,
  summary: 'Read a webhook endpoint',
  responses: { 200: { description: 'The endpoint', schema: webhook, example: EXAMPLE } },
  failures: [FORBIDDEN, NO_WEBHOOK, AWAY],
};

/** What `/openapi.json` says of a change. */
export const CHANGE: RouteDocumentation = {
  ...COMMON,
  summary: 'Change a webhook endpoint',
  description:
    'Changes the fields that are given, of which there must be one. `filter: null` and `rateLimit: null` take those back. `isActive: false` stops deliveries; `true` goes on where they stopped.',
  requestBody: { 'application/json': webhookChangesBody },
  responses: { 200: { description: 'The endpoint as it is now', schema: webhook, example: EXAMPLE } },
  failures: [INVALID, FORBIDDEN, NO_WEBHOOK, AWAY],
};

/** What `/openapi.json` says of the deletion. */
export const DELETE: RouteDocumentation = {
  ...COMMON,
  summary: 'Delete a webhook endpoint',
  description: 'Calls under way end, retries are dropped.',
  responses: { 204: { description: 'Deleted' } },
  failures: [FORBIDDEN, NO_WEBHOOK, AWAY],
};

/** What `/openapi.json` says of the rotation. */
export const ROTATE: RouteDocumentation = {
  ...COMMON,
  summary: 'Replace the secret of a webhook endpoint',
  description: 'For 24 hours calls are signed with the old one as well.',
  responses: {
    200: {
      description: 'The new secret, shown this once; with `ed25519` the new public key',
      schema: rotatedSecret,
      example: { secret: SECRET, previousUntil: '2024-01-31T12:34:56.789Z' },
    },
  },
  failures: [FORBIDDEN, NO_WEBHOOK, AWAY],
};
