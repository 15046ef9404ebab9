import { randomUUID } from 'node:crypto';
import type { TestStack } from '@millrace/testkit';
import {
  type AssertError,
  assertChatbot,
  assertEnvelope,
  assertList,
  assertProblem,
} from './error-shapes.ts';

type Json = Readonly<Record<string, unknown>>;

/** A route that takes events, and how a client of its dialect would call it. */
export interface IngestRoute {
  readonly name: string;
  path(stack: TestStack): string;
  credential(stack: TestStack): Readonly<Record<string, string>>;
  readonly contentType: string;
  /** Sent with every request. */
  headers?(): Readonly<Record<string, string>>;
  /** A valid event. */
  event(): Json;
  /** The body's text from an event's. */
  wrap(event: string): string;
  /** Fields that must be there and be text. */
  readonly required: readonly string[];
  /** The field that holds an object of the client's own; undefined where the whole body is that. */
  readonly free: string | undefined;
  /** The client's own id, and the longest it may be. */
  readonly id?: { readonly field: string; readonly maxLength: number };
  readonly limitBytes: number;
  /** Bodies of JSON that are not even events. */
  readonly foreign: readonly string[];
  /** Whether a body of any media type is taken. */
  readonly anyContentType?: true;
  readonly assertError: AssertError;
}

const MIB = 1024 * 1024;
const SCALARS = ['null', '1', '"x"', 'true'];
const asIs = (event: string): string => event;
const inArray = (event: string): string => `[${event}]`;
const apiKey = ({ connection }: TestStack) => ({ 'x-api-key': connection.credentials.apiKey });

const externalEvent = {
  credential: ({ connection }: TestStack) => ({
    authorization: `Bearer ${connection.credentials.externalEventToken}`,
  }),
  contentType: 'application/json',
  event: () => ({ type: 'bad.input', payload: {} }),
  wrap: asIs,
  required: ['type'],
  free: 'payload',
  limitBytes: MIB,
  foreign: [...SCALARS, '[]'],
  assertError: assertEnvelope({ 400: 'INVALID_INPUT', 401: 'INVALID_AUTH' }),
} satisfies Partial<IngestRoute>;

const analytics = {
  credential: apiKey,
  contentType: 'application/json',
  event: () => ({
    eventType: 'bad.input',
    userId: 'u',
    sessionId: 's',
    timestamp: '2024-01-30T12:34:56Z',
    eventId: randomUUID(),
    payload: {},
  }),
  required: ['eventType', 'userId', 'sessionId', 'timestamp'],
  free: 'payload',
  id: { field: 'eventId', maxLength: 128 },
  assertError: assertEnvelope({
    400: 'VALIDATION_ERROR',
    401: ['MISSING_API_KEY', 'INVALID_API_KEY'],
    413: 'PAYLOAD_TOO_LARGE',
    415: 'UNSUPPORTED_MEDIA_TYPE',
  }),
} satisfies Partial<IngestRoute>;

const email = {
  credential: ({ connection }: TestStack) => ({ 'x-api-key': connection.credentials.emailApiKey }),
  contentType: 'application/json',
  event: () => ({ email_id: randomUUID(), domain: 'bad.input', metadata: {} }),
  required: ['email_id', 'domain'],
  free: 'metadata',
  id: { field: 'email_id', maxLength: 255 },
} satisfies Partial<IngestRoute>;

const cloudEvents = {
  path: () => '/cloudevents',
  credential: apiKey,
  event: () => ({ specversion: '1.0', id: randomUUID(), source: '/bad', type: 'bad.input', data: {} }),
  required: ['specversion', 'id', 'source', 'type'],
  free: 'data',
  assertError: assertProblem,
} satisfies Partial<IngestRoute>;

const cloudEventId = { field: 'id', maxLength: 256 };

const native = {
  path: () => '/v1/ingest',
  credential: apiKey,
  event: () => ({ id: randomUUID(), type: 'bad.input', payload: {} }),
  required: ['type'],
  free: 'payload',
  id: { field: 'id', maxLength: 128 },
  limitBytes: 10 * MIB,
  assertError: assertProblem,
} satisfies Partial<IngestRoute>;

/** Every route of every dialect that takes events. */
export const INGEST_ROUTES: readonly IngestRoute[] = [
  {
    ...externalEvent,
    name: 'POST /api/external-event/:workspaceId',
    path: ({ connection }) => `/api/external-event/${connection.workspaceId}`,
  },
  {
    ...externalEvent,
    name: 'POST /external-event/:workspaceId',
    path: ({ connection }) => `/external-event/${connection.workspaceId}`,
  },
  {
    name: 'POST /api/v1/events (workflow)',
    path: () => '/api/v1/events',
    credential: ({ connection }) => ({ authorization: `Bearer ${connection.credentials.bearerToken}` }),
    contentType: 'application/json',
    event: () => ({ name: 'bad.input', payload: {} }),
    wrap: asIs,
    required: ['name'],
    free: 'payload',
    limitBytes: MIB,
    foreign: [...SCALARS, '[]'],
    assertError: assertEnvelope({ 400: 'validation_error', 401: 'unauthorized' }),
  },
  {
    ...analytics,
    name: 'POST /api/v1/events (analytics)',
    path: () => '/api/v1/events',
    wrap: asIs,
    limitBytes: MIB,
    foreign: [...SCALARS, '[]'],
  },
  {
    ...analytics,
    name: 'POST /api/v1/events/batch',
    path: () => '/api/v1/events/batch',
    wrap: (event) => `{"events":[${event}]}`,
    limitBytes: 10 * MIB,
    foreign: [...SCALARS, '[]', '{"events":{}}', '{"events":null}', '{"events":[1]}'],
  },
  {
    ...email,
    name: 'POST /email',
    path: () => '/email',
    wrap: asIs,
    limitBytes: MIB,
    foreign: [...SCALARS, '[]'],
    assertError: assertList('Invalid email event schema'),
  },
  {
    ...email,
    name: 'POST /email/batch',
    path: () => '/email/batch',
    wrap: inArray,
    limitBytes: 10 * MIB,
    foreign: [...SCALARS, '{}', '[1]', '[null]'],
    assertError: assertList('Invalid batch email event schema'),
  },
  {
    ...cloudEvents,
    name: 'POST /cloudevents (structured)',
    contentType: 'application/cloudevents+json',
    id: cloudEventId,
    wrap: asIs,
    limitBytes: MIB,
    foreign: [...SCALARS, '[]'],
  },
  {
    ...cloudEvents,
    name: 'POST /cloudevents (batched)',
    contentType: 'application/cloudevents-batch+json',
    id: cloudEventId,
    wrap: inArray,
    limitBytes: 10 * MIB,
    foreign: [...SCALARS, '{}', '[1]', '[[]]'],
  },
  {
    ...cloudEvents,
    name: 'POST /cloudevents (binary)',
    contentType: 'application/json',
    headers: () => ({
      'ce-specversion': '1.0',
      'ce-id': randomUUID(),
      'ce-source': '/bad',
      'ce-type': 'bad.input',
    }),
    event: () => ({}),
    wrap: asIs,
    required: [],
    free: undefined,
    limitBytes: MIB,
    foreign: [],
    anyContentType: true,
  },
  {
    name: 'POST /webhooks/trigger',
    path: () => '/webhooks/trigger',
    credential: apiKey,
    contentType: 'application/json',
    event: () => ({ event: 'bad.input', data: {} }),
    wrap: asIs,
    required: ['event'],
    free: 'data',
    limitBytes: MIB,
    foreign: [...SCALARS, '[]'],
    assertError: assertChatbot,
  },
  {
    ...native,
    name: 'POST /v1/ingest (array)',
    contentType: 'application/json',
    wrap: inArray,
    foreign: [...SCALARS, '[]', '[1]'],
  },
  {
    ...native,
    name: 'POST /v1/ingest (NDJSON)',
    contentType: 'application/x-ndjson',
    wrap: (event) => `${event}\n`,
    foreign: [...SCALARS, '[]', '[1]'],
  },
];
