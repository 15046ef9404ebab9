import type { z } from 'zod';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { delivery, deliveryPage, deliveryWithAttempts } from './delivery-json.ts';
import { AWAY, COMMON, FORBIDDEN, NO_WEBHOOK } from './documentation.ts';
import { deliveriesQuery } from './list-query.ts';
import { replay, replayBody, replayList } from './replay-json.ts';

const NO_DELIVERY: DocumentedFailure = {
  kind: 'not_found',
  message: 'no such delivery',
  description: 'The workspace has no such delivery',
};
const NO_REPLAY: DocumentedFailure = {
  kind: 'not_found',
  message: 'no such replay',
  description: 'The workspace has no such replay',
};
const BAD_SINCE: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'invalid_type', path: ['since'], message: 'Required' }],
};

const DELIVERY: z.output<typeof delivery> = {
  id: 'dlv_xxxxxxxxxxxxxxxxxxxxxx',
  url: 'https://example.com/hooks',
  event: 'message.received',
  payload: { messageId: 'uuid' },
  status: 'FAILED',
  attempts: 3,
  lastError: 'HTTP 500: oops',
  createdAt: '2024-01-30T12:34:56.789Z',
  processedAt: '2024-01-30T12:35:00.123Z',
  endpointId: '0190a1b2-0000-7000-8000-000000000003',
  eventId: 'evt_1',
  nextAttemptAt: null,
};
const ATTEMPTED: z.output<typeof deliveryWithAttempts> = {
  ...DELIVERY,
  status: 'SENT',
  attempts: 1,
  lastError: null,
  attemptLog: [
    {
      number: 1,
      startedAt: '2024-01-30T12:34:56.789Z',
      tookMs: 87,
      status: 200,
      error: null,
      response: 'ok',
      responseEncoding: 'utf-8',
      address: '198.51.100.7:443',
      cause: 'event',
    },
  ],
};
const REPLAY: z.output<typeof replay> = {
  id: '0190a1b2-0000-7000-8000-000000000004',
  endpointId: DELIVERY.endpointId,
  since: '2024-01-30T12:00:00.000Z',
  failedOnly: true,
  status: 'running',
  attempted: 120,
  failed: 3,
  progress: 0.25,
  createdAt: '2024-01-30T14:00:00.000Z',
  finishedAt: null,
};

/** What `/openapi.json` says of a test. */
export const TEST: RouteDocumentation = {
  ...COMMON,
  summary: 'Test a webhook endpoint',
  description: 'Makes one call with an event `millrace.test`, waits for it, and answers what came of it.',
  responses: {
    200: { description: 'The delivery, sent or failed', schema: deliveryWithAttempts, example: ATTEMPTED },
  },
  failures: [
    FORBIDDEN,
    NO_WEBHOOK,
    {
      kind: 'contradiction',
      message: 'the endpoint can not be called',
      description: 'Its stored secret can not be used any more: rotate it',
    },
    AWAY,
  ],
};

/** What `/openapi.json` says of the list. */
export const LIST: RouteDocumentation = {
  ...COMMON,
  summary: 'List the deliveries of a webhook endpoint',
  description: 'Newest first.',
  query: deliveriesQuery,
  responses: {
    200: {
      description: 'A page; `nextCursor` is null on the last one',
      schema: deliveryPage,
      example: { deliveries: [DELIVERY], nextCursor: null },
    },
  },
  failures: [FORBIDDEN, NO_WEBHOOK, AWAY],
};

/** What `/openapi.json` says of one delivery. */
export const GET: RouteDocumentation = {
  ...COMMON,
  summary: 'Read a delivery',
  description: 'With its attempts. Of any target of the workspace, triggers’ among them.',
  responses: { 200: { description: 'The delivery', schema: deliveryWithAttempts, example: ATTEMPTED } },
  failures: [FORBIDDEN, NO_DELIVERY, AWAY],
};

/** What `/openapi.json` says of a resend. */
export const RESEND: RouteDocumentation = {
  ...COMMON,
  summary: 'Attempt a delivery again',
  description: 'Whatever became of it. It keeps its id, so that a receiver can tell that it is the same.',
  responses: {
    202: {
      description: 'The delivery, which waits for its attempt',
      schema: delivery,
      example: {
        ...DELIVERY,
        status: 'PENDING',
        processedAt: null,
        nextAttemptAt: '2024-01-30T14:00:00.000Z',
      },
    },
  },
  failures: [
    FORBIDDEN,
    {
      ...NO_DELIVERY,
      description: 'The workspace has no such delivery, or its event is not stored any more',
    },
    {
      kind: 'contradiction',
      message: 'a test is not sent again: test the endpoint',
      description: 'It was a test',
    },
    AWAY,
  ],
};

const STARTED = {
  description: 'The replay; `GET /webhooks/:id/replays` shows how far it is',
  schema: replay,
} as const;
const BUSY: DocumentedFailure = {
  kind: 'contradiction',
  message: 'the endpoint has a replay that goes on',
  description: 'It contradicts what is there, or as many replays run as may',
};

/** What `/openapi.json` says of a recovery. */
export const RECOVER: RouteDocumentation = {
  ...COMMON,
  summary: 'Deliver again what failed since a time',
  description: 'A job does it beside what comes new.',
  requestBody: { 'application/json': replayBody },
  responses: { 202: { ...STARTED, example: REPLAY } },
  failures: [BAD_SINCE, FORBIDDEN, NO_WEBHOOK, BUSY, AWAY],
};

/** What `/openapi.json` says of a replay. */
export const REPLAY_ALL: RouteDocumentation = {
  ...COMMON,
  summary: 'Deliver everything again since a time',
  description: 'A job does it beside what comes new. Deliveries keep their ids.',
  requestBody: { 'application/json': replayBody },
  responses: { 202: { ...STARTED, example: { ...REPLAY, failedOnly: false } } },
  failures: [BAD_SINCE, FORBIDDEN, NO_WEBHOOK, BUSY, AWAY],
};

/** What `/openapi.json` says of the list of replays. */
export const LIST_REPLAYS: RouteDocumentation = {
  ...COMMON,
  summary: 'List the replays of a webhook endpoint',
  description: 'Those of the last 30 days, newest first.',
  responses: { 200: { description: 'The replays', schema: replayList, example: [REPLAY] } },
  failures: [FORBIDDEN, NO_WEBHOOK, AWAY],
};

/** What `/openapi.json` says of the end of one. */
export const CANCEL_REPLAY: RouteDocumentation = {
  ...COMMON,
  summary: 'Cancel a replay',
  description: 'What is under way is finished.',
  responses: {
    200: {
      description: 'The replay as it is now',
      schema: replay,
      example: { ...REPLAY, status: 'canceled', finishedAt: '2024-01-30T14:01:00.000Z' },
    },
  },
  failures: [FORBIDDEN, NO_REPLAY, AWAY],
};
