import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { assertJson, memberOf } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { openIssuer } from './support/issue-credential.ts';

const SCHEMA = {
  type: 'object',
  required: ['user'],
  properties: { user: { type: 'object', properties: { age: { type: 'integer', minimum: 0 } } } },
};

onEachTopology('schemas: /v1/schemas', (stack) => {
  const ownKey = () => stack().connection.credentials.apiKey;

  const ask = (
    method: string,
    path: string,
    {
      key = ownKey(),
      body,
      headers,
    }: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
  ) =>
    httpCall(`${stack().connection.url}${path}`, {
      method,
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const register = async (name: string, body: object = { schema: SCHEMA }) => {
    const answer = await ask('PUT', `/v1/schemas/${encodeURIComponent(name)}`, { body });
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    return answer;
  };

  test('a schema is registered, read, changed, listed with its versions, and removed', async () => {
    const name = `order/created é ${randomUUID()}`;
    const path = `/v1/schemas/${encodeURIComponent(name)}`;
    const askedAtMs = Date.now();
    const created = await register(name, { schema: SCHEMA, description: 'An order' });
    assert.equal(created.status, 201);
    assert.equal(created.headers['etag'], '"1"');
    const { createdAt, createdBy, ...first } = Object(created.json());
    assert.deepEqual(first, {
      eventName: name,
      version: 1,
      mode: 'enforce',
      description: 'An order',
      schema: SCHEMA,
    });
    assert.ok(Date.parse(createdAt) >= askedAtMs && Date.parse(createdAt) <= Date.now(), createdAt);
    assert.notEqual(createdBy, '');

    const again = await register(name, { schema: SCHEMA, description: 'An order' });
    assert.deepEqual([again.status, memberOf(again.json(), 'version')], [200, 1]);
    const changed = await register(name, { schema: SCHEMA, mode: 'observe' });
    assert.deepEqual([changed.status, memberOf(changed.json(), 'version')], [200, 2]);
    const late = await ask('PUT', path, { headers: { 'if-match': '1' }, body: { schema: {} } });
    assert.equal(late.status, 409, late.text);

    assertJson(await ask('GET', path), 200, changed.json());
    const versions = memberOf((await ask('GET', `${path}/versions`)).json(), 'versions');
    assert.deepEqual(
      Object(versions).map((version: unknown) => [memberOf(version, 'version'), memberOf(version, 'mode')]),
      [
        [2, 'observe'],
        [1, 'enforce'],
      ],
    );
    const old = await ask('GET', `${path}/versions/1`);
    assert.deepEqual(memberOf(old.json(), 'schema'), SCHEMA);
    const listed = memberOf((await ask('GET', '/v1/schemas')).json(), 'schemas');
    assert.ok(Object(listed).some((schema: unknown) => memberOf(schema, 'eventName') === name));

    assert.equal((await ask('DELETE', path)).status, 204);
    for (const gone of [path, `${path}/versions`, `${path}/versions/1`]) {
      assert.equal((await ask('GET', gone)).status, 404);
    }
    assert.equal((await ask('DELETE', path)).status, 404);
  });

  test('400: a schema that is not taken, as a problem with the JSON pointer', async () => {
    const schema = { properties: { email: { pattern: '^(?=.*@)' } } };
    const answer = await ask('PUT', '/v1/schemas/bad', { body: { schema } });
    assert.equal(answer.status, 400);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), 'schema.properties.email.pattern');
    assert.match(
      String(memberOf(answer.json(), 'errors', 0, 'detail')),
      /^\/properties\/email\/pattern is not a regular expression/,
    );
  });

  test('401 and 403: without a credential, and without the permission', async () => {
    const issuer = openIssuer(stack());
    const reader = await issuer.issue({ permissions: ['schemas:read'] });
    const manager = await issuer.issue({ permissions: ['schemas:manage'] });
    const writer = await issuer.issue({ permissions: ['events:write'] });
    const statuses = async (key: string) => {
      const put = await ask('PUT', '/v1/schemas/permitted', { key, body: { schema: {} } });
      const list = await ask('GET', '/v1/schemas', { key });
      const remove = await ask('DELETE', '/v1/schemas/permitted', { key });
      return [put.status, list.status, remove.status];
    };
    assert.deepEqual(await statuses('unknown'), [401, 401, 401]);
    assert.deepEqual(await statuses(writer), [403, 403, 403]);
    assert.deepEqual(await statuses(reader), [403, 200, 403]);
    assert.deepEqual(await statuses(manager), [201, 200, 204]);
  });

  test('who registers and removes a schema is in the audit log', async () => {
    const name = `audited.${randomUUID()}`;
    await register(name);
    await ask('DELETE', `/v1/schemas/${name}`);
    await eventually(async () => {
      const entries = Object((await ask('GET', '/v1/audit')).json()).entries;
      const own = entries.filter((entry: unknown) => memberOf(entry, 'target', 'id') === name);
      assert.deepEqual(
        own.map((entry: unknown) => memberOf(entry, 'action')),
        ['schema.deleted', 'schema.put'],
      );
    });
  });
});
