import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VERSION } from '@millrace/runtime';
import { Validator } from '@seriousme/openapi-schema-validator';
import { fakeExchange } from '../../../test/fake-exchange.ts';
import { inertDeps } from '../../../test/inert-deps.ts';
import { createRoutes } from '../../routes.ts';
import { RequestFailure } from '../../server/failure.ts';

const up = async () => 'up' as const;
const routes = createRoutes(inertDeps, {
  probes: { clickhouse: up, nats: up, redis: undefined },
  isReady: () => true,
  clock: inertDeps.clock,
});

async function get(path: string, url: string, params: Record<string, string> = {}) {
  const route = routes.find((candidate) => candidate.path === path);
  assert.ok(route?.access === 'public', path);
  const exchange = fakeExchange({ params });
  exchange.request.url = url;
  await route.handle(exchange);
  const [reply] = exchange.replies;
  assert.ok(reply);
  const header = (name: string) => reply.headers?.[reply.headers.indexOf(name) + 1];
  return { ...reply, header };
}

describe('/openapi.json', () => {
  test('is valid OpenAPI 3.1', async () => {
    const document: Record<string, unknown> = JSON.parse((await get('/openapi.json', '/openapi.json')).body);
    const validator = new Validator();
    const { valid, errors } = await validator.validate(document);
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(validator.version, '3.1');
  });

  test('has every route, its parameters, its body and its credentials', async () => {
    const { paths, components, info } = JSON.parse((await get('/openapi.json', '/openapi.json')).body);
    assert.equal(info.version, VERSION);
    for (const route of routes) {
      const operation = paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
      assert.equal(operation?.summary, route.documentation.summary, route.path);
    }
    const external = paths['/api/external-event/{workspaceId}'].post;
    assert.deepEqual(external.parameters, [
      { name: 'workspaceId', in: 'path', required: true, schema: { type: 'string' } },
    ]);
    assert.deepEqual(external.security, [{ bearer: [] }]);
    assert.deepEqual(external.requestBody.content['application/json'].schema, {
      $ref: '#/components/schemas/ExternalEvent',
    });
    assert.deepEqual(components.schemas.ExternalEvent.required, ['type', 'payload']);
    assert.deepEqual(external.responses['201'].content['application/json'].example, { success: true });
    assert.ok('application/problem+json' in paths['/v1/ingest'].post.responses['503'].content);
    assert.deepEqual(paths['/health'].get.security, []);
    assert.deepEqual(Object.keys(components.securitySchemes), ['bearer', 'apiKey']);
    const ids = Object.values(paths).flatMap((path) =>
      Object.values(path as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  test('every reference leads somewhere', async () => {
    const { body } = await get('/openapi.json', '/openapi.json');
    const { components } = JSON.parse(body);
    for (const [, name] of body.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(name !== undefined && name in components.schemas, name);
    }
    assert.ok(!body.includes('#/$defs/'));
  });
});

describe('/docs', () => {
  test('the page finds its files with and without a slash', async () => {
    for (const [url, files, spec] of [
      ['/docs', './docs/', './openapi.json'],
      ['/docs/?x=1', './', '../openapi.json'],
    ] as const) {
      const { body, header } = await get('/docs', url);
      assert.equal(header('content-type'), 'text/html; charset=utf-8');
      assert.match(header('content-security-policy') ?? '', /script-src 'self'/);
      assert.ok(body.includes(`src="${files}swagger-ui-bundle.js"`));
      assert.ok(body.includes(`data-spec="${spec}"`));
    }
  });

  test('its files have their types', async () => {
    const types = {
      'swagger-ui.css': 'text/css; charset=utf-8',
      'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
      'start.js': 'text/javascript; charset=utf-8',
    };
    for (const [file, type] of Object.entries(types)) {
      const { status, body, header } = await get('/docs/:file', `/docs/${file}`, { file });
      assert.equal(status, 200);
      assert.equal(header('content-type'), type);
      assert.ok(body.length > 100);
    }
  });

  test('404: any other file', async () => {
    for (const file of ['package.json', '../routes.ts', 'toString', '']) {
      await assert.rejects(
        get('/docs/:file', `/docs/${file}`, { file }),
        (error) => error instanceof RequestFailure && error.failure.kind === 'not_found',
      );
    }
  });
});
