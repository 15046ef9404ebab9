import { MAX_SCHEMAS, MAX_VERSIONS } from '../../ingest/schemas/schema-registry.ts';
import { problem } from '../../request/problem/encode-problem.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { schemaList, schemaVersion, schemaVersions } from './encode.ts';
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

const BAD_NAME: DocumentedFailure = {
  kind: 'invalid',
  issues: [{ code: 'custom', path: ['eventName'], message: 'must have 1 to 255 characters' }],
};
const NO_SCHEMA: DocumentedFailure = { kind: 'not_found', message: 'no such schema' };
const VERSION_CONFLICT: DocumentedFailure = {
  kind: 'contradiction',
  message: 'another version is current',
  description: 'Another version than that of `If-Match` is current',
};

/** What the document says of `PUT /v1/schemas/:eventName`. */
export const PUT_DOCUMENTATION: RouteDocumentation = {
  summary: 'Register the schema of an event',
  description: `Needs \`schemas:manage\`. JSON Schema 2020-12 of the payload, at most ${MAX_SCHEMA_BYTES} bytes; a workspace has at most ${MAX_SCHEMAS} schemas. Recursion, references to other documents and unknown keywords are refused, patterns are of RE2's syntax. The same schema and mode again make no new version. \`If-Match: <version>\` refuses the change when another version is current.`,
  tag,
  requestBody: { 'application/json': putSchemaBody },
  responses: {
    200: { description: 'There is a new version, or nothing to change', schema: schemaVersion, example },
    201: {
      description: 'The event had no schema before',
      schema: schemaVersion,
      example: { ...example, version: 1 },
    },
  },
  errors: problem,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['schema'], message: 'unknown keyword "typ"' }],
      description: 'The schema is not taken; the problem names the JSON pointer and the reason',
    },
    VERSION_CONFLICT,
  ],
};

/** What the document says of `DELETE /v1/schemas/:eventName`. */
export const DELETE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Remove the schema of an event',
  description: 'Needs `schemas:manage`. Its versions go with it, and its events are taken as they come.',
  tag,
  responses: { 204: { description: 'The schema is gone' } },
  errors: problem,
  failures: [BAD_NAME, NO_SCHEMA, VERSION_CONFLICT],
};

/** What the document says of `GET /v1/schemas`. */
export const LIST_DOCUMENTATION: RouteDocumentation = {
  summary: 'List schemas',
  description: 'Needs `schemas:read`. By event name, without the schemas themselves.',
  tag,
  responses: {
    200: {
      description: 'The schemas of the workspace',
      schema: schemaList,
      example: { schemas: [summary] },
    },
  },
  errors: problem,
};

/** What the document says of `GET /v1/schemas/:eventName`. */
export const GET_DOCUMENTATION: RouteDocumentation = {
  summary: 'Read the schema of an event',
  description: 'Needs `schemas:read`.',
  tag,
  responses: { 200: { description: 'The version that applies', schema: schemaVersion, example } },
  errors: problem,
  failures: [BAD_NAME, NO_SCHEMA],
};

/** What the document says of `GET /v1/schemas/:eventName/versions`. */
export const VERSIONS_DOCUMENTATION: RouteDocumentation = {
  summary: 'List the versions of a schema',
  description: `Needs \`schemas:read\`. The newest first, at most ${MAX_VERSIONS}, without the schemas themselves.`,
  tag,
  responses: {
    200: {
      description: 'The versions that are kept',
      schema: schemaVersions,
      example: { versions: [summary] },
    },
  },
  errors: problem,
  failures: [BAD_NAME, NO_SCHEMA],
};

/** What the document says of `GET /v1/schemas/:eventName/versions/:version`. */
export const VERSION_DOCUMENTATION: RouteDocumentation = {
  ...GET_DOCUMENTATION,
  summary: 'Read a version of a schema',
};
