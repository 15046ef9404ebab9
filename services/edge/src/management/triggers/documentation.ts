import type { z } from 'zod';
import { problem } from '../../request/problem/encode-problem.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import * as webhookDeliveries from '../webhooks/delivery-documentation.ts';
import { AWAY, FORBIDDEN } from '../webhooks/documentation.ts';
import { pageQuery } from '../webhooks/list-query.ts';
import { NO_ENDPOINT } from '../webhooks/webhook-api.ts';
import { newTrigger, newTriggerBody, trigger, triggerChangesBody, triggerPage } from './trigger-json.ts';

const COMMON = { tag: 'Triggers', errors: problem } as const;

const NO_TRIGGER: DocumentedFailure = {
  kind: 'not_found',
  message: NO_ENDPOINT,
  description: 'The workspace has no such trigger',
};
const INVALID: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'custom', path: ['target', 'url'], message: 'must not lead to a private address' }],
  description: 'The body does not match the schema or the rules for endpoints',
};

const EXAMPLE: z.output<typeof trigger> = {
  id: '0190a1b2-0000-7000-8000-000000000005',
  target: {
    kind: 'temporal',
    namespace: 'default',
    taskQueue: 'orders',
    workflowType: 'fulfil',
    signal: '',
    workflowIdPath: '',
  },
  events: ['order.placed'],
  description: '',
  isActive: true,
  filter: { field: 'payload.total', gte: 100 },
  rateLimit: null,
  maxInFlight: 10,
  ordered: false,
  retryPolicy: 'standard',
  disabledReason: null,
  failingSince: null,
  createdAt: '2024-01-30T12:34:56.789Z',
  updatedAt: '2024-01-30T12:34:56.789Z',
};

/** What `/openapi.json` says of the list. */
export const LIST: RouteDocumentation = {
  ...COMMON,
  summary: 'List triggers',
  description:
    'Needs `webhooks:manage`. Oldest first, with every kind of target; `/webhooks` shows those with `http`.',
  query: pageQuery,
  responses: {
    200: {
      description: 'A page; `nextCursor` is null on the last one',
      schema: triggerPage,
      example: { triggers: [EXAMPLE], nextCursor: null },
    },
  },
  failures: [FORBIDDEN, AWAY],
};

/** What `/openapi.json` says of the creation. */
export const CREATE: RouteDocumentation = {
  ...COMMON,
  summary: 'Create a trigger',
  description:
    'Needs `webhooks:manage`. Each event that matches, from now on, posts to a URL, starts or signals a workflow, or goes to a queue.',
  requestBody: { 'application/json': newTriggerBody },
  responses: {
    201: {
      description: 'The trigger; one that is called by HTTP with the secret that is shown this once',
      schema: newTrigger,
      example: EXAMPLE,
    },
  },
  failures: [
    INVALID,
    FORBIDDEN,
    {
      kind: 'contradiction',
      message: 'the workspace has as many endpoints as it may',
      description: 'The workspace has as many triggers and webhooks as it may',
    },
    AWAY,
  ],
};

/** What `/openapi.json` says of one trigger. */
export const GET: RouteDocumentation = {
  ...COMMON,
  summary: 'Read a trigger',
  responses: { 200: { description: 'The trigger', schema: trigger, example: EXAMPLE } },
  failures: [FORBIDDEN, NO_TRIGGER, AWAY],
};

/** What `/openapi.json` says of a change. */
export const CHANGE: RouteDocumentation = {
  ...COMMON,
  summary: 'Change a trigger',
  description:
    'Changes the fields that are given, of which there must be one; of a target that is `http` those that it names, another is replaced. `filter: null` and `rateLimit: null` take those back.',
  requestBody: { 'application/json': triggerChangesBody },
  responses: { 200: { description: 'The trigger as it is now', schema: trigger, example: EXAMPLE } },
  failures: [INVALID, FORBIDDEN, NO_TRIGGER, AWAY],
};

/** What `/openapi.json` says of the deletion. */
export const DELETE: RouteDocumentation = {
  ...COMMON,
  summary: 'Delete a trigger',
  description: 'Attempts under way end, retries are dropped.',
  responses: { 204: { description: 'Deleted' } },
  failures: [FORBIDDEN, NO_TRIGGER, AWAY],
};

/** What `/openapi.json` says of the list of deliveries. */
export const LIST_DELIVERIES: RouteDocumentation = {
  ...webhookDeliveries.LIST,
  ...COMMON,
  summary: 'List the deliveries of a trigger',
  description: 'Newest first. `GET /webhooks/deliveries/:id` has one with its attempts.',
  failures: [FORBIDDEN, NO_TRIGGER, AWAY],
};
