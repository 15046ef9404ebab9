import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import type { NewAuditEntry } from '@millrace/stores';
import { benchDialect, KEYS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { recordForTests, schemasForTests } from '../../../test/schemas.ts';
import type { SchemaTarget, SchemaWish } from '../../ingest/schemas/schema-registry.ts';
import { schemasApi } from './routes.ts';

const PATH = '/v1/schemas/:eventName';
const stored = recordForTests({ workspaceId: WORKSPACE_ID, eventName: 'known', schema: { type: 'object' } });
const foreign = recordForTests({ workspaceId: 'workspace-2', eventName: 'foreign', schema: {} });

function openBench() {
  const puts: SchemaWish[] = [];
  const removed: SchemaTarget[] = [];
  const entries: NewAuditEntry[] = [];
  const bench = benchDialect(schemasApi, {
    schemas: {
      ...schemasForTests([stored, foreign]),
      async put(wish) {
        puts.push(wish);
        const { workspaceId, eventName, mode } = wish;
        const record = recordForTests({ workspaceId, eventName, schema: JSON.parse(wish.schema), mode });
        return { kind: eventName === 'known' ? 'changed' : 'created', record };
      },
      async remove(target) {
        if (target.eventName !== 'known') throw new MillraceError('not_found', 'no such schema');
        removed.push(target);
        return stored;
      },
    },
    auditLog: {
      async record(entry) {
        entries.push(entry);
      },
    },
  });
  const send = (
    method: string,
    path: string,
    request: { params?: Record<string, string>; body?: unknown; headers?: Record<string, string> } = {},
  ) =>
    bench.send(method, path, {
      ...request,
      headers: { 'x-api-key': KEYS.everything, 'content-type': 'application/json', ...request.headers },
    });
  return { send, puts, removed, entries };
}

const params = { eventName: 'order.created' };

describe('PUT', () => {
  test('201: a new schema, audited', async () => {
    const { send, puts, entries } = openBench();
    const { status, body, reply } = await send('PUT', PATH, { params, body: { schema: { type: 'object' } } });
    assert.equal(status, 201);
    assert.deepEqual(body, {
      eventName: 'order.created',
      version: 1,
      mode: 'enforce',
      description: '',
      createdAt: '1970-01-01T00:00:00.000Z',
      createdBy: 'user-1',
      schema: { type: 'object' },
    });
    assert.deepEqual(reply.headers, ['etag', '"1"']);
    assert.deepEqual(puts, [
      {
        workspaceId: WORKSPACE_ID,
        eventName: 'order.created',
        ifVersion: undefined,
        schema: '{"type":"object"}',
        mode: 'enforce',
        description: '',
        createdBy: KEYS.everything,
      },
    ]);
    assert.deepEqual(entries, [
      {
        workspaceId: WORKSPACE_ID,
        action: 'schema.put',
        outcome: 'succeeded',
        actor: { userId: '', credentialId: KEYS.everything, ipAddress: '192.0.2.1', requestId: 'request-1' },
        target: { type: 'schema', id: 'order.created' },
        details: { version: 1, mode: 'enforce', change: 'created' },
      },
    ]);
  });

  test('200: a new version, with mode, description and If-Match', async () => {
    const { send, puts } = openBench();
    for (const version of ['7', '"7"']) {
      const { status } = await send('PUT', PATH, {
        params: { eventName: 'known' },
        headers: { 'if-match': version },
        body: { schema: {}, mode: 'observe', description: 'An order' },
      });
      assert.equal(status, 200);
    }
    assert.deepEqual(
      puts.map(({ mode, description, ifVersion }) => [mode, description, ifVersion]),
      [
        ['observe', 'An order', 7],
        ['observe', 'An order', 7],
      ],
    );
  });

  const refused: [
    name: string,
    request: Parameters<ReturnType<typeof openBench>['send']>[2],
    detail: RegExp,
  ][] = [
    ['no schema', { params, body: {} }, /^schema: Required/],
    ['a schema that is a boolean', { params, body: { schema: true } }, /^schema: Expected object/],
    ['an unknown mode', { params, body: { schema: {}, mode: 'warn' } }, /^mode: /],
    ['an unknown field', { params, body: { schema: {}, Mode: 'observe' } }, /^Mode: Unknown field/],
    [
      'a long description',
      { params, body: { schema: {}, description: 'x'.repeat(1_001) } },
      /^description: /,
    ],
    [
      'a bad schema, by its JSON pointer',
      { params, body: { schema: { properties: { age: { pattern: '(?=a)' } } } } },
      /^schema\.properties\.age\.pattern: \/properties\/age\/pattern is not a regular expression/,
    ],
    [
      'a large schema',
      { params, body: { schema: { $comment: 'x'.repeat(64 * 1024) } } },
      /^schema: the schema has more than 65536 bytes/,
    ],
    ['__proto__', { params, body: '{"schema":{"properties":{"__proto__":{}}}}' }, /^schema\.properties/],
    ['a long name', { params: { eventName: 'x'.repeat(256) }, body: { schema: {} } }, /^eventName: /],
    ['a name of control characters', { params: { eventName: 'a\nb' }, body: { schema: {} } }, /^eventName: /],
    [
      'If-Match that is no version',
      { params, headers: { 'if-match': '*' }, body: { schema: {} } },
      /^If-Match: /,
    ],
  ];
  for (const [name, request, detail] of refused) {
    test(`400: ${name}`, async () => {
      const { send, puts, entries } = openBench();
      const { status, body } = await send('PUT', PATH, request);
      assert.equal(status, 400);
      assert.match(String(Reflect.get(Object(body), 'detail')), detail);
      assert.deepEqual([puts, entries], [[], []]);
    });
  }

  test('503: a change that could not be audited is not answered with success', async () => {
    const audited = benchDialect(schemasApi, {
      schemas: { ...schemasForTests(), put: async () => ({ kind: 'created', record: stored }) },
      auditLog: {
        record: () => Promise.reject(new MillraceError('unavailable', 'the audit log does not answer')),
      },
    });
    const headers = { 'x-api-key': KEYS.everything };
    const { status } = await audited.send('PUT', PATH, { params, headers, body: { schema: {} } });
    assert.equal(status, 503);
  });
});

describe('DELETE', () => {
  test('204: audited', async () => {
    const { send, removed, entries } = openBench();
    const request = { params: { eventName: 'known' }, headers: { 'if-match': '1' } };
    assert.equal((await send('DELETE', PATH, request)).status, 204);
    assert.deepEqual(removed, [{ workspaceId: WORKSPACE_ID, eventName: 'known', ifVersion: 1 }]);
    assert.deepEqual(
      entries.map(({ action, target, details }) => [action, target, details]),
      [['schema.deleted', { type: 'schema', id: 'known' }, { version: 1 }]],
    );
  });

  test('404: there is none', async () => {
    const { send, entries } = openBench();
    assert.equal((await send('DELETE', PATH, { params })).status, 404);
    assert.deepEqual(entries, []);
  });
});

describe('GET', () => {
  const summary = {
    eventName: 'known',
    version: 1,
    mode: 'enforce',
    description: '',
    createdAt: '1970-01-01T00:00:00.000Z',
    createdBy: 'user-1',
  };
  const known = { eventName: 'known' };

  test('200: the schemas of the workspace, one of them, its versions, one of those', async () => {
    const { send } = openBench();
    const full = { ...summary, schema: { type: 'object' } };
    assert.deepEqual((await send('GET', '/v1/schemas')).body, { schemas: [summary] });
    assert.deepEqual((await send('GET', PATH, { params: known })).body, full);
    assert.deepEqual((await send('GET', `${PATH}/versions`, { params: known })).body, {
      versions: [summary],
    });
    const version = await send('GET', `${PATH}/versions/:version`, { params: { ...known, version: '1' } });
    assert.deepEqual(version.body, full);
  });

  test('404: none, one of another workspace, another version', async () => {
    const { send } = openBench();
    const statusOf = async (path: string, names: Record<string, string>) =>
      (await send('GET', path, { params: names })).status;
    assert.equal(await statusOf(PATH, { eventName: 'unknown' }), 404);
    assert.equal(await statusOf(PATH, { eventName: 'foreign' }), 404);
    for (const version of ['0', '2', 'x', '1e999']) {
      assert.equal(await statusOf(`${PATH}/versions/:version`, { ...known, version }), 404, version);
    }
  });
});

test('403: schemas:read and schemas:manage are asked for', async () => {
  const { send } = openBench();
  const headers = { 'x-api-key': KEYS.reader };
  const request = { params, headers, body: { schema: {} } };
  for (const method of ['PUT', 'DELETE', 'GET'])
    assert.equal((await send(method, PATH, request)).status, 403);
});
