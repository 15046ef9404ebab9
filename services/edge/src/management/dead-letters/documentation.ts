import { problem } from '../../request/problem/encode-problem.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { EVENT_EXAMPLE } from '../events/event-json.ts';
import { discardedMany, letter, letterPage, replayed, replayedMany } from './encode.ts';
import { editBody } from './letter-event.ts';
import { lettersQuery, selectionBody } from './query.ts';

const ITEM = {
  id: '1000-57-3',
  reason: 'refused_by_store',
  detail: 'Value is out of range of the type UInt8',
  eventId: EVENT_EXAMPLE.id,
  eventType: EVENT_EXAMPLE.type,
  state: 'parked',
  edited: false,
  parkedAt: '2024-01-30T12:34:57.000Z',
  changedAt: null,
};
const LETTER = { ...ITEM, readable: true, event: { ...EVENT_EXAMPLE, priority: 300 } };
const REPLAY = { id: ITEM.id, eventId: ITEM.eventId, alreadyReplayed: false };

const AWAY: DocumentedFailure = { kind: 'unavailable', retryAfterSeconds: 1 };
const MISSING: DocumentedFailure = {
  kind: 'not_found',
  message: 'no such dead letter',
  description: 'No such dead letter in the workspace',
};
const NOT_READING: DocumentedFailure = {
  kind: 'forbidden',
  permission: 'events:write',
  description: 'The credential lacks `events:write` or `events:read`',
};
const DECIDED: DocumentedFailure = {
  kind: 'contradiction',
  message: 'the dead letter is replayed',
  description: 'The letter is replayed or discarded',
};
const NOT_AN_EVENT: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'too_big', path: ['priority'], message: 'Number must be less than or equal to 10' }],
  description: 'The event would not be taken at the door; the problem names its field',
};

const base = { tag: 'Dead letters', errors: problem } as const;

/** `GET /v1/dead-letters` */
export const LIST_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'List dead letters',
  description:
    'Accepted events that could not be stored, newest first; see `docs/events.md`. Needs `events:read`.',
  query: lettersQuery,
  responses: {
    200: {
      description: 'A page; `nextCursor` is null on the last one',
      schema: letterPage,
      example: { deadLetters: [ITEM], nextCursor: null },
    },
  },
  failures: [AWAY],
};

/** `GET /v1/dead-letters/:id` */
export const GET_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Read a dead letter',
  description: 'With its event as it would be replayed, as far as it can be read. Needs `events:read`.',
  responses: { 200: { description: 'The letter', schema: letter, example: LETTER } },
  failures: [MISSING, AWAY],
};

/** `PATCH /v1/dead-letters/:id` */
export const EDIT_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Edit the event of a dead letter',
  description:
    'The fields that are sent replace the event’s own; the whole must be an event that `POST /v1/ingest` would take, schemas included. Needs `events:write` and `events:read`.',
  requestBody: { 'application/json': editBody },
  responses: { 200: { description: 'The letter as it is now', schema: letter, example: LETTER } },
  failures: [NOT_AN_EVENT, NOT_READING, MISSING, DECIDED, AWAY],
};

/** `DELETE /v1/dead-letters/:id` */
export const DISCARD_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Discard a dead letter',
  description: 'Gives the event up. Needs `events:write` and `events:read`.',
  responses: { 204: { description: 'Discarded, now or before' } },
  failures: [NOT_READING, MISSING, DECIDED, AWAY],
};

/** `POST /v1/dead-letters/:id/replay` */
export const REPLAY_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Replay a dead letter',
  description:
    'Accepts the event once more, under its id and with the time of now as `receivedAt`. However often that is asked, it is stored once. Needs `events:write` and `events:read`.',
  responses: { 200: { description: 'The event is durable', schema: replayed, example: REPLAY } },
  failures: [NOT_AN_EVENT, NOT_READING, MISSING, DECIDED, AWAY],
};

/** `POST /v1/dead-letters/replay` */
export const REPLAY_MANY_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Replay many dead letters',
  description:
    'Parked ones, newest first, at most 100 a request. One whose event needs an edit is named and stays. Needs `events:write` and `events:read`.',
  requestBody: { 'application/json': selectionBody },
  responses: {
    200: {
      description: 'What became of each; `nextCursor` leads to older ones',
      schema: replayedMany,
      example: { replayed: [REPLAY], failed: [], nextCursor: null },
    },
  },
  failures: [NOT_READING, AWAY],
};

/** `POST /v1/dead-letters/discard` */
export const DISCARD_MANY_DOCUMENTATION: RouteDocumentation = {
  ...base,
  summary: 'Discard many dead letters',
  description: 'Parked ones, newest first, at most 100 a request. Needs `events:write` and `events:read`.',
  requestBody: { 'application/json': selectionBody },
  responses: {
    200: {
      description: 'Which ones; `nextCursor` leads to older ones',
      schema: discardedMany,
      example: { discarded: [ITEM.id], nextCursor: null },
    },
  },
  failures: [NOT_READING, AWAY],
};
