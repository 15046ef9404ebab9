import { MAX_SCHEMAS, MAX_VERSIONS } from '../../ingest/schemas/schema-registry.ts';
import { problemResponses } from '../../request/problem/problem-responses.ts';
import type { RouteDocumentation } from '../../server/route.ts';
import { MAX_SCHEMA_BYTES, putSchemaBody } from './request.ts';

const tag = 'Schemas';

const summary = {
  eventName: 'user.created',
  version: 3,
  mode: 'enforce',
  description: '',
  createdAt: '2024-01-30T12:34:56.789Z',
  createdBy: '0190a1b2-0000-7000-8000-000000000002',
};
const example = {
  ...summary,
  schema: { type: 'object', required: ['userId'], properties: { userId: { type: 'string' } } },
};

/** What the document says of `PUT /v1/schemas/:eventName`. */
export const PUT_DOCUMENTATION: RouteDocumentation = {
  summary: 'Register the schema of an event',
  description: `Needs \`schemas:manage\`. JSON Schema 2020-12 of the payload, at most ${MAX_SCHEMA_BYTES} bytes; a workspace has at most ${MAX_SCHEMAS} schemas. Recursion, references to other documents and unknown keywords are refused, patterns are of RE2's syntax. The same schema and mode again make no new version. \`If-Match: <version>\` refuses the change when another version is current.`,
  tag,
  requestBody: { 'application/json': putSchemaBody },
  responses: {
    200: { description: 'There is a new version, or nothing to change', example },
    201: { description: 'The event had no schema before', example: { ...example, version: 1 } },
    ...problemResponses([400, 401, 403, 409, 413, 415, 429, 503], {
      400: 'The schema is not taken; the problem names the JSON pointer and the reason',
      409: 'Another version than that of `If-Match` is current',
    }),
  },
};

/** What the document says of `DELETE /v1/schemas/:eventName`. */
export const DELETE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Remove the schema of an event',
  description: 'Needs `schemas:manage`. Its versions go with it, and its events are taken as they come.',
  tag,
  responses: {
    204: { description: 'The schema is gone' },
    ...problemResponses([400, 401, 403, 404, 409, 429, 503], {
      409: 'Another version than that of `If-Match` is current',
    }),
  },
};

/** What the document says of `GET /v1/schemas`. */
export const LIST_DOCUMENTATION: RouteDocumentation = {
  summary: 'List schemas',
  description: 'Needs `schemas:read`. By event name, without the schemas themselves.',
  tag,
  responses: {
    200: { description: 'The schemas of the workspace', example: { schemas: [summary] } },
    ...problemResponses([401, 403, 429, 503]),
  },
};

/** What the document says of `GET /v1/schemas/:eventName`. */
export const GET_DOCUMENTATION: RouteDocumentation = {
  summary: 'Read the schema of an event',
  description: 'Needs `schemas:read`.',
  tag,
  responses: {
    200: { description: 'The version that applies', example },
    ...problemResponses([400, 401, 403, 404, 429, 503]),
  },
};

/** What the document says of `GET /v1/schemas/:eventName/versions`. */
export const VERSIONS_DOCUMENTATION: RouteDocumentation = {
  summary: 'List the versions of a schema',
  description: `Needs \`schemas:read\`. The newest first, at most ${MAX_VERSIONS}, without the schemas themselves.`,
  tag,
  responses: {
    200: { description: 'The versions that are kept', example: { versions: [summary] } },
    ...problemResponses([400, 401, 403, 404, 429, 503]),
  },
};

/** What the document says of `GET /v1/schemas/:eventName/versions/:version`. */
export const VERSION_DOCUMENTATION: RouteDocumentation = {
  ...GET_DOCUMENTATION,
  summary: 'Read a version of a schema',
};
