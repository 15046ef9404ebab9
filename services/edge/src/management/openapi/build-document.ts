import type { z } from 'zod';
import type { UnroutedPaths } from '../../request/api.ts';
import { PROBLEM_TYPE, problem } from '../../request/problem/encode-problem.ts';
import type { Route, RouteDocumentation } from '../../server/route.ts';
import { type Components, jsonSchema } from './components.ts';
import { responsesOf } from './responses.ts';

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key, a token, or the JWT of `/api/auth/verify`' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A key of the workspace' },
} as const;

/** What the document says of the API as a whole. */
export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** What is described. */
export interface Described {
  readonly routes: readonly Route[];
  /** How paths and methods are refused that no route has; elsewhere by a problem. */
  readonly unrouted: readonly UnroutedPaths[];
}

/** An OpenAPI 3.1 document of the routes, from the very schemas that validate requests and type answers. */
export function buildOpenApi({ routes, unrouted }: Described, info: OpenApiInfo): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  const schemas: Components = {};
  const refusals = refusalsOfProtocol(schemas);
  for (const route of routes) {
    const path = toTemplate(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(route, schemas) };
  }
  const tags = [...new Set(routes.map((route) => route.documentation.tag))].map((name) => ({ name }));
  return {
    openapi: '3.1.0',
    info,
    // Relative to where the document is read, so that it is right behind any proxy.
    servers: [{ url: '.' }],
    tags,
    paths,
    components: { securitySchemes: SECURITY_SCHEMES, responses: refusals, schemas },
    'x-unrouted': unroutedOf(unrouted, schemas),
  };
}

/** What Node or the parser answers whatever the path is, before any route is asked. */
function refusalsOfProtocol(schemas: Components): Record<string, unknown> {
  return {
    ExpectationFailed: { description: '`Expect` asks for something else than `100-continue`' },
    HeadersTooLarge: {
      description: 'The headers are too large',
      content: { [PROBLEM_TYPE]: { schema: jsonSchema(problem, 'output', schemas) } },
    },
  };
}

const PROTOCOL_RESPONSES = {
  417: { $ref: '#/components/responses/ExpectationFailed' },
  431: { $ref: '#/components/responses/HeadersTooLarge' },
};

/** The shapes of 404 and 405 where no route is, by the beginning of the path; OpenAPI has no place for them. */
function unroutedOf(unrouted: readonly UnroutedPaths[], schemas: Components): unknown[] {
  const shaped = unrouted.flatMap(({ prefixes, errors }) => {
    const schema = jsonSchema(errors, 'output', schemas);
    return prefixes.map((prefix) => ({ prefix, contentType: 'application/json', schema }));
  });
  const schema = jsonSchema(problem, 'output', schemas);
  return [...shaped, { prefix: '', contentType: PROBLEM_TYPE, schema }];
}

/** `/a/:id` in find-my-way's syntax is `/a/{id}` in OpenAPI's. */
function toTemplate(path: string): string {
  return path.replace(/:([A-Za-z0-9_]+)(\([^)]*\))?/g, '{$1}');
}

function toOperation(route: Route, schemas: Components): Record<string, unknown> {
  const { documentation } = route;
  const { summary, description, tag } = documentation;
  const parameters = [...pathParameters(route.path), ...queryParameters(documentation, schemas)];
  return {
    operationId: operationId(route),
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(documentation.requestBody === undefined
      ? {}
      : { requestBody: { required: true, content: toContent(documentation.requestBody, schemas) } }),
    responses: { ...responsesOf(route, schemas), ...PROTOCOL_RESPONSES },
    security: securityOf(route),
  };
}

/** The headers that a route takes its credential from; the beacon's query is for browsers only and not advertised. */
function securityOf({ access }: Route): Record<string, string[]>[] {
  if (access === 'public') return [];
  return access.places.filter((place) => place !== 'beacon').map((place) => ({ [place]: [] }));
}

/** `POST /api/v1/events` becomes `postApiV1Events`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function pathParameters(path: string): unknown[] {
  return [...path.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: RouteDocumentation, schemas: Components): unknown[] {
  if (!query) return [];
  return Object.entries(query.shape).map(([name, schema]) => {
    // A zod object's shape holds zod types; its own type says only that they are of the core.
    const { description, ...plain } = Object(jsonSchema(schema as z.ZodType, 'input', schemas));
    return {
      name,
      in: 'query',
      required: !(schema as z.ZodType).safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: plain,
    };
  });
}

function toContent(
  alternatives: NonNullable<RouteDocumentation['requestBody']>,
  schemas: Components,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(alternatives).map(([type, schema]) => [
      type,
      { schema: jsonSchema(schema, 'input', schemas) },
    ]),
  );
}
