import { z } from 'zod';
import type { UnroutedPaths } from '../../request/api.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { PublicRoute, Route, RouteDocumentation } from '../../server/route.ts';
import { buildOpenApi } from './build-document.ts';
import { CONTENT_SECURITY_POLICY, createAssets, renderPage } from './swagger-ui.ts';

/** What the documentation is made of. */
export interface OpenApiDeps {
  /** The routes to describe. */
  readonly routes: readonly Route[];
  readonly unrouted: readonly UnroutedPaths[];
  readonly version: string;
}

const DESCRIPTION =
  'Events in through any of the published APIs, stored exactly once. The same port serves `millrace.api.v1` over Connect, gRPC-Web and gRPC. ' +
  'What is no request of HTTP/1.1, or has no `Host`, is answered by a problem with 400, 408, 413 or 431 before its path is read. ' +
  'Paths and methods that are not here are 404 and 405, in the shape that `x-unrouted` has for the longest prefix.';
const HOUR = 'public, max-age=3600';
const FRESH = 'no-cache';

/** `/openapi.json`, and Swagger UI at `/docs` from this server's own files. */
export function createOpenApiRoutes(deps: OpenApiDeps): readonly PublicRoute[] {
  const readAsset = createAssets();
  const page = get('/docs', pageDocumentation, (exchange) => {
    const path = exchange.request.url?.split('?', 1)[0] ?? '';
    send(exchange, 'text/html; charset=utf-8', renderPage(path.endsWith('/')), FRESH);
  });
  const asset = get('/docs/:file', assetDocumentation, async (exchange) => {
    const found = await readAsset(exchange.params['file'] ?? '');
    if (!found) throw new RequestFailure({ kind: 'not_found' });
    send(exchange, found.type, found.text, HOUR);
  });
  let text: string | undefined;
  const document = get('/openapi.json', documentDocumentation, (exchange) => {
    text ??= JSON.stringify(
      buildOpenApi(
        { routes: [...deps.routes, document, page, asset], unrouted: deps.unrouted },
        { title: 'Millrace', version: deps.version, description: DESCRIPTION },
      ),
    );
    exchange.reply({ status: 200, body: text, headers: ['cache-control', FRESH] });
  });
  return [document, page, asset];
}

function get(path: string, documentation: RouteDocumentation, handle: PublicRoute['handle']): PublicRoute {
  return { method: 'GET', path, access: 'public', documentation, handle, encodeFailure: encodeProblem };
}

function send(exchange: Exchange, type: string, body: string, cacheControl: string): void {
  const headers = [
    'content-type',
    type,
    'cache-control',
    cacheControl,
    'content-security-policy',
    CONTENT_SECURITY_POLICY,
    'x-content-type-options',
    'nosniff',
    'referrer-policy',
    'no-referrer',
  ];
  exchange.reply({ status: 200, body, headers });
}

const TAG = 'Documentation';

const documentDocumentation: RouteDocumentation = {
  summary: 'This document',
  tag: TAG,
  responses: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
  errors: problem,
};

const pageDocumentation: RouteDocumentation = {
  summary: 'This document to read and to try, with Swagger UI',
  tag: TAG,
  responses: { 200: { description: 'A page', schema: z.string(), contentTypes: ['text/html'] } },
  errors: problem,
};

const assetDocumentation: RouteDocumentation = {
  summary: 'A file of the page',
  tag: TAG,
  responses: {
    200: { description: 'The file', schema: z.string(), contentTypes: ['text/css', 'text/javascript'] },
  },
  errors: problem,
  failures: [{ kind: 'not_found', description: 'No such file' }, { kind: 'internal' }],
};
