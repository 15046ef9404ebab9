import { type Property, PropertyType } from '@millrace/contracts/millrace/api/v1/analytics';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { boundedText } from '../../request/json-types.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { readQuery } from '../../request/query-string.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { instant, jsonReply } from '../../request/response.ts';
import type { AccessRule, DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { READ_ACCESS } from '../query/routes.ts';
import { deleteProperty, putProperty } from './change-property.ts';

const MANAGE: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['schemas:manage'] };
const path = boundedText(1, 512).describe('for example `payload.cart.total`');
const TYPES = { text: PropertyType.TEXT, number: PropertyType.NUMBER } as const;

const putBody = z
  .strictObject({
    path,
    type: z
      .enum(['text', 'number'])
      .default('text')
      .describe('`text` for breakdowns, filters and unique values; `number` for sums, quantiles and ranges'),
  })
  .meta({ id: 'PutProperty', examples: [{ path: 'payload.plan', type: 'text' }] });

const deleteQuery = z.object({ path });

/** The paths of payloads and metadata whose values are kept in columns. */
export const propertiesApi: Api = {
  name: 'properties',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/properties',
      access: READ_ACCESS,
      documentation: LIST,
      async handle(exchange, { workspaceId }) {
        const { response } = await deps.questions.listProperties({ workspaceId }, exchange.signal);
        const { properties = [], suggestions = [] } = response ?? {};
        exchange.reply(
          jsonReply(propertyList, 200, {
            properties: properties.map(propertyOf),
            suggestions: suggestions.map((one) => ({ path: one.path, questions: Number(one.questions) })),
          }),
        );
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'PUT',
      path: '/v1/properties',
      access: MANAGE,
      documentation: PUT,
      async handle(exchange, grant) {
        const body = await receiveJson(exchange, putBody);
        const wish = { path: body.path, type: TYPES[body.type] };
        const { property, created } = await putProperty(
          deps,
          { grant, exchange, signal: exchange.signal },
          wish,
        );
        exchange.reply(jsonReply(propertyBody, created ? 201 : 200, propertyOf(property)));
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'DELETE',
      path: '/v1/properties',
      access: MANAGE,
      documentation: DELETE,
      async handle(exchange, grant) {
        const query = readQuery(exchange.query(), deleteQuery);
        await deleteProperty(deps, { grant, exchange, signal: exchange.signal }, query.path);
        exchange.reply({ status: 204, body: '' });
      },
      encodeFailure: encodeProblem,
    },
  ],
};

const propertyBody = z
  .strictObject({
    path: z.string(),
    type: z.enum(['text', 'number']),
    state: z.enum(['filling', 'ready']).describe('Whether every stored event has it in its column'),
    events: z.int().describe('Stored events'),
    filledEvents: z.int().describe('Those that have it; questions about the others read the JSON'),
    createdAt: instant(),
    createdBy: z.string().describe('The user, or the credential where nobody is behind it'),
  })
  .meta({ id: 'Property' });

const propertyList = z
  .strictObject({
    properties: z.array(propertyBody),
    suggestions: z
      .array(z.strictObject({ path: z.string(), questions: z.int() }))
      .describe('Paths that questions had to read from JSON, as far as the process remembers'),
  })
  .meta({ id: 'PropertyList' });

function propertyOf(property: Property): z.output<typeof propertyBody> {
  const { type, createdAt, createdBy } = property;
  const [events, filledEvents] = [Number(property.events), Number(property.filledEvents)];
  return {
    path: property.path,
    type: type === PropertyType.NUMBER ? 'number' : 'text',
    state: filledEvents < events ? 'filling' : 'ready',
    events,
    filledEvents,
    createdAt: isoTime(createdAt) ?? '',
    createdBy,
  };
}

const tag = 'Analytics';
const EXAMPLE: z.output<typeof propertyBody> = {
  path: 'payload.plan',
  type: 'text',
  state: 'ready',
  events: 15_000,
  filledEvents: 15_000,
  createdAt: '2024-01-30T12:34:56.789Z',
  createdBy: '0190a1b2-0000-7000-8000-000000000002',
};
const BAD_PATH: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'custom', path: ['path'], message: 'can not be read from character 9 on' }],
};
const AWAY: DocumentedFailure = { kind: 'unavailable', retryAfterSeconds: 5, description: 'A store is away' };

const LIST: RouteDocumentation = {
  summary: 'List properties',
  description: 'Needs `analytics:read` or `events:read`. By path, with how far each is filled.',
  tag,
  responses: {
    200: {
      description: 'The properties of the workspace, and what could be one',
      schema: propertyList,
      example: { properties: [EXAMPLE], suggestions: [{ path: 'payload.country', questions: 12 }] },
    },
  },
  errors: problem,
  failures: [AWAY],
};

const PUT: RouteDocumentation = {
  summary: 'Register a property',
  description:
    'Needs `schemas:manage`. From now on the values of the path are kept in a column, and those of stored events are filled in; until then questions read the JSON, to the same result. A workspace has at most 8 of each type.',
  tag,
  requestBody: { 'application/json': putBody },
  responses: {
    200: { description: 'There was such a property', schema: propertyBody, example: EXAMPLE },
    201: {
      description: 'There was none',
      schema: propertyBody,
      example: { ...EXAMPLE, state: 'filling', filledEvents: 0 },
    },
  },
  errors: problem,
  failures: [BAD_PATH, AWAY],
};

const DELETE: RouteDocumentation = {
  summary: 'Remove a property',
  description: 'Needs `schemas:manage`. Questions about the path read the JSON again.',
  tag,
  query: deleteQuery,
  responses: { 204: { description: 'The property is gone' } },
  errors: problem,
  failures: [BAD_PATH, { kind: 'not_found', message: 'no such property' }, AWAY],
};
