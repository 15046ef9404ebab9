import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { ResponseDocumentation, Route, RouteDocumentation } from '../../server/route.ts';

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

/** An OpenAPI 3.1 document of the routes, from the very schemas that validate. */
export function buildOpenApi(routes: readonly Route[], info: OpenApiInfo): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  const schemas: Record<string, unknown> = {};
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
    components: { securitySchemes: SECURITY_SCHEMES, schemas },
  };
}

/** `/a/:id` in find-my-way's syntax is `/a/{id}` in OpenAPI's. */
function toTemplate(path: string): string {
  return path.replace(/:([A-Za-z0-9_]+)(\([^)]*\))?/g, '{$1}');
}

function toOperation(route: Route, schemas: Record<string, unknown>): Record<string, unknown> {
  const { documentation } = route;
  const { summary, description, tag } = documentation;
  const parameters = [...pathParameters(route.path), ...queryParameters(documentation)];
  return {
    operationId: operationId(route),
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(documentation.requestBody === undefined
      ? {}
      : { requestBody: { required: true, content: toContent(documentation.requestBody, schemas) } }),
    responses: Object.fromEntries(
      Object.entries(documentation.responses).map(([status, response]) => [
        status,
        toResponse(status, response),
      ]),
    ),
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

function queryParameters({ query }: RouteDocumentation): unknown[] {
  if (!query) return [];
  return Object.entries(query.shape).map(([name, schema]) => {
    // A zod object's shape holds zod types; its own type says only that they are of the core.
    const { description, ...plain } = toJsonSchema(schema as z.ZodType);
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
  schemas: Record<string, unknown>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(alternatives).map(([type, schema]) => [
      type,
      { schema: share(toJsonSchema(schema), schemas) },
    ]),
  );
}

function toResponse(status: string, response: ResponseDocumentation): Record<string, unknown> {
  const { example, contentType = 'application/json' } = response;
  const description = response.description || STATUS_CODES[status] || status;
  if (example === undefined && response.contentType === undefined) return { description };
  return { description, content: { [contentType]: example === undefined ? {} : { example } } };
}

function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema, ...plain } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    // What a client sends, before defaults and conversions; what has no JSON Schema is left open.
    io: 'input',
    unrepresentable: 'any',
  });
  return plain;
}

/** Moves the named schemas from a schema's own `$defs` to the document's components. */
function share(schema: Record<string, unknown>, schemas: Record<string, unknown>): unknown {
  const { $defs, ...plain } = schema;
  const moved = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, definition] of Object.entries($defs ?? {})) schemas[name] = moved(definition);
  return moved(plain);
}
