import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpCall, onEachTopology } from '@millrace/testkit';
import { Validator } from '@seriousme/openapi-schema-validator';

/** Every route of the published APIs that there is so far. */
const OPERATIONS = [
  ['post', '/api/external-event/{workspaceId}'],
  ['post', '/api/v1/events'],
  ['post', '/api/v1/events/batch'],
  ['get', '/api/v1/events/stats'],
  ['post', '/email'],
  ['post', '/email/batch'],
  ['post', '/cloudevents'],
  ['post', '/v1/ingest'],
  ['get', '/v1/events/tail'],
  ['get', '/health'],
  ['get', '/api/health'],
  ['get', '/api/ready'],
  ['get', '/api/live'],
] as const;

onEachTopology('GET /openapi.json', (stack) => {
  test('200: valid OpenAPI 3.1 that has every route with a success and its errors', async () => {
    const answer = await httpCall(`${stack().connection.url}/openapi.json`, { method: 'GET' });
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    const document = Object(answer.json());
    assert.match(document.openapi, /^3\.1\./);
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));
    for (const [method, path] of OPERATIONS) {
      const responses = Object.keys(document.paths[path]?.[method]?.responses ?? {});
      assert.ok(
        responses.some((status) => status.startsWith('2')),
        `${method} ${path}`,
      );
      if (method === 'post') {
        for (const status of ['400', '401', '503'])
          assert.ok(responses.includes(status), `${path} ${status}`);
      }
    }
  });

  test('every body that may be answered has a schema', async () => {
    const answer = await httpCall(`${stack().connection.url}/openapi.json`, { method: 'GET' });
    const { paths } = Object(answer.json());
    let bodies = 0;
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(Object(operations))) {
        for (const [status, response] of Object.entries(Object(operation).responses)) {
          for (const content of Object.values(Object(response).content ?? {})) {
            assert.ok(Object(content).schema, `${method} ${path} ${status}`);
            bodies++;
          }
        }
      }
    }
    assert.ok(bodies > 300, `only ${bodies} bodies`);
  });

  test('every reference in it leads somewhere', async () => {
    const answer = await httpCall(`${stack().connection.url}/openapi.json`, { method: 'GET' });
    const document = Object(answer.json());
    const references = [...answer.text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
    for (const path of references) {
      const target = path.split('/').reduce((value, key) => Object(value)[key], document);
      assert.ok(target, `#/${path} leads nowhere`);
    }
  });
});
