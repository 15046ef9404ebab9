import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { instant } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { READ_ACCESS } from '../query/routes.ts';
import { EVENT_EXAMPLE, eventJson, eventSchema } from './event-json.ts';
import { decodeEventsQuery, eventsQuery, namingParameters } from './query.ts';
import { type Receipt, toReceipt } from './receipt.ts';

/** Accepted events, one by one. */
export const eventsApi: Api = {
  name: 'events',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/events',
      access: READ_ACCESS,
      documentation: LIST_DOCUMENTATION,
      async handle(exchange, { workspaceId }) {
        const request = decodeEventsQuery(exchange.query());
        const asked = deps.questions.listEvents({ workspaceId, request }, exchange.signal);
        const { response } = await namingParameters(asked);
        const events = (response?.events ?? []).map(eventJson).join(',');
        const nextCursor = JSON.stringify(response?.nextPageToken || null);
        exchange.reply({ status: 200, body: `{"events":[${events}],"nextCursor":${nextCursor}}` });
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'GET',
      path: '/v1/events/:id',
      access: READ_ACCESS,
      documentation: RECEIPT_DOCUMENTATION,
      async handle(exchange, { workspaceId }) {
        const id = exchange.params['id'] ?? '';
        const asked = deps.questions.getReceipt({ workspaceId, id }, exchange.signal);
        exchange.reply(encodeReceipt(toReceipt(await namingParameters(asked))));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const eventPage = z
  .strictObject({ events: z.array(eventSchema), nextCursor: z.string().nullable() })
  .meta({ id: 'EventPage' });

const receipt = z
  .strictObject({
    id: z.string(),
    status: z
      .enum(['stored', 'accepted', 'dead_letter'])
      .describe('`accepted` is durable and waits to be stored, `dead_letter` could not be'),
    acceptedAt: instant().nullable(),
    deadLetterId: z.string().nullable(),
    deliveries: z.array(
      z.strictObject({
        endpointId: z.string(),
        deliveryId: z.string(),
        status: z.string(),
        attempts: z.number(),
        lastAttemptAt: instant().nullable(),
        httpStatus: z.number().nullable(),
      }),
    ),
    event: eventSchema,
  })
  .meta({ id: 'EventReceipt' });

function encodeReceipt({ event, status, deadLetterId, deliveries }: Receipt): Reply {
  const head: Omit<z.output<typeof receipt>, 'event'> = {
    id: event.id,
    status,
    acceptedAt: isoTime(event.receivedAt),
    deadLetterId: deadLetterId || null,
    deliveries: deliveries.map((delivery) => ({
      endpointId: delivery.endpointId,
      deliveryId: delivery.deliveryId,
      status: delivery.status,
      attempts: delivery.attempts,
      lastAttemptAt: isoTime(delivery.lastAttemptAt),
      httpStatus: delivery.httpStatus || null,
    })),
  };
  return { status: 200, body: `${JSON.stringify(head).slice(0, -1)},"event":${eventJson(event)}}` };
}

const PERMISSION: DocumentedFailure = { kind: 'forbidden', permission: 'analytics:read' };
const AWAY: DocumentedFailure = {
  kind: 'unavailable',
  retryAfterSeconds: 5,
  description: 'The store is away, or too much waits for it',
};

const LIST_DOCUMENTATION: RouteDocumentation = {
  summary: 'List stored events',
  description:
    'Newest arrival first; see `docs/events.md`. Needs `analytics:read` or `events:read`. Payload and metadata as they were sent.',
  tag: 'Events',
  query: eventsQuery,
  responses: {
    200: {
      description: 'A page; `nextCursor` is null on the last one',
      schema: eventPage,
      example: { events: [EVENT_EXAMPLE], nextCursor: null },
    },
  },
  errors: problem,
  failures: [PERMISSION, AWAY],
};

const RECEIPT_DOCUMENTATION: RouteDocumentation = {
  summary: 'Read the receipt of an event',
  description:
    'How far the newest event of this id has come: accepted, stored, delivered, or put aside. Needs `analytics:read` or `events:read`.',
  tag: 'Events',
  responses: {
    200: {
      description: 'The event, and what has become of it',
      schema: receipt,
      example: {
        id: EVENT_EXAMPLE.id,
        status: 'stored',
        acceptedAt: EVENT_EXAMPLE.receivedAt,
        deadLetterId: null,
        deliveries: [],
        event: EVENT_EXAMPLE,
      },
    },
  },
  errors: problem,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['id'], message: 'must have 1 to 255 characters' }],
      description: 'No event has such an id',
    },
    PERMISSION,
    {
      kind: 'not_found',
      message: 'no such event was accepted',
      description: 'No such event in the workspace',
    },
    AWAY,
  ],
};
