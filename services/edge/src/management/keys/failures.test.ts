import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldError, MillraceError } from '@millrace/runtime';
import { send } from '../../../test/keys.ts';

const GOOD = { name: 'a', permissions: ['messages:send'] };
/** Each route with a good body and the method of auth that it asks. */
const ROUTES = [
  { method: 'POST', path: '/api-keys', body: GOOD, asks: 'createCredential' },
  { method: 'GET', path: '/api-keys', body: undefined, asks: 'listCredentials' },
  { method: 'GET', path: '/api-keys/:id', body: undefined, asks: 'getCredential' },
  { method: 'PATCH', path: '/api-keys/:id', body: { name: 'b' }, asks: 'updateCredential' },
  { method: 'DELETE', path: '/api-keys/:id', body: undefined, asks: 'deleteCredential' },
  { method: 'POST', path: '/api-keys/:id/deactivate', body: undefined, asks: 'updateCredential' },
  { method: 'POST', path: '/api-keys/:id/rotate', body: {}, asks: 'rotateCredential' },
] as const;

const failed = (statusCode: number, code: string, error: string, message: string | readonly string[]) => ({
  statusCode,
  message,
  error,
  code,
});
const failing = (asks: string, ...of: ConstructorParameters<typeof MillraceError>) => ({
  async [asks]() {
    throw new MillraceError(...of);
  },
});
const refusing = (asks: string, field: string, issue: string) => ({
  [asks]: () => {
    throw fieldError(field, issue);
  },
});

for (const { method, path, body, asks } of ROUTES) {
  const route = `${method} ${path}`;

  test(`401: ${route} without a credential, or with an unknown one in either header`, async () => {
    const none = await send({}, method, path, { headers: {}, body });
    assert.equal(none.status, 401);
    assert.deepEqual(none.body, failed(401, 'UNAUTHORIZED', 'Unauthorized', 'The request has no credential'));
    for (const headers of [{ 'x-api-key': 'sk_unknown' }, { authorization: 'Bearer sk_unknown' }] as const) {
      const unknown = await send({}, method, path, { headers, body });
      assert.equal(unknown.status, 401);
      const words = 'The credential is not valid here, expired or revoked';
      assert.deepEqual(unknown.body, failed(401, 'UNAUTHORIZED', 'Unauthorized', words));
    }
  });

  test(`403: ${route} without api-keys:manage`, async () => {
    const answer = await send({}, method, path, { headers: { authorization: 'Bearer sk_other' }, body });
    assert.equal(answer.status, 403);
    const words = 'The credential lacks the permission api-keys:manage';
    assert.deepEqual(answer.body, failed(403, 'FORBIDDEN', 'Forbidden', words));
  });

  test(`500, 503: ${route} tells nothing of a cause`, async () => {
    const away = await send(failing(asks, 'unavailable', 'a cause'), method, path, { body });
    assert.equal(away.status, 503);
    const words = 'Not available now, try again';
    assert.deepEqual(away.body, failed(503, 'SERVICE_UNAVAILABLE', 'Service Unavailable', words));
    assert.deepEqual(away.reply.headers, ['retry-after', '1']);
    const broken = await send(failing(asks, 'internal', 'a cause'), method, path, { body });
    assert.equal(broken.status, 500);
    const generic = failed(500, 'INTERNAL_ERROR', 'Internal Server Error', 'Internal server error');
    assert.deepEqual(broken.body, generic);
  });

  if (path.includes(':id')) {
    test(`404: ${route} of a key that the workspace doesn’t have, or with an id that is none`, async () => {
      const notFound = failed(404, 'NOT_FOUND', 'Not Found', 'no such credential');
      const gone = await send(failing(asks, 'not_found', 'no such credential'), method, path, { body });
      assert.equal(gone.status, 404);
      assert.deepEqual(gone.body, notFound);
      for (const id of ['', 'uuid', '../api-keys', 'x'.repeat(36), '01890000000070008000000000000001']) {
        const answer = await send({}, method, path, { body, id });
        assert.equal(answer.status, 404, id);
        assert.deepEqual(answer.body, notFound);
      }
    });
  }

  if (method !== 'GET') {
    test(`409: ${route} where things are otherwise, in auth’s words`, async () => {
      const words = 'this credential is set in the environment of the installation';
      const answer = await send(failing(asks, 'failed_precondition', words), method, path, { body });
      assert.equal(answer.status, 409);
      assert.deepEqual(answer.body, failed(409, 'CONFLICT', 'Conflict', words));
    });
  }

  if (body !== undefined) {
    test(`400, 413, 415: ${route} takes a JSON object of at most 1 MiB`, async () => {
      const broken = await send({}, method, path, { body: '{' });
      assert.equal(broken.status, 400);
      assert.match(
        broken.reply.body,
        /^\{"statusCode":400,"message":"[^"]+.*","error":"Bad Request","code":"VALIDATION_ERROR"\}$/,
      );
      const array = await send({}, method, path, { body: '[]' });
      assert.deepEqual(
        array.body,
        failed(400, 'VALIDATION_ERROR', 'Bad Request', ['Expected object, received array']),
      );
      const large = await send({}, method, path, { body: ' '.repeat(1024 * 1024 + 1) });
      assert.equal(large.status, 413);
      assert.match(large.reply.body, /"error":"Payload Too Large","code":"PAYLOAD_TOO_LARGE"/);
      const headers = { 'x-api-key': 'sk_manager', 'content-type': 'text/plain' };
      const text = await send({}, method, path, { body, headers });
      assert.equal(text.status, 415);
      assert.match(text.reply.body, /"error":"Unsupported Media Type","code":"UNSUPPORTED_MEDIA_TYPE"/);
    });
  }
}

describe('400: the message lists what is wrong', () => {
  const create = { method: 'POST', path: '/api-keys' };
  const change = { method: 'PATCH', path: '/api-keys/:id' };
  const rotate = { method: 'POST', path: '/api-keys/:id/rotate' };
  const cases: [route: { method: string; path: string }, body: object, messages: readonly string[]][] = [
    [create, {}, ['name is required', 'permissions is required']],
    [create, { ...GOOD, name: '' }, ['name: String must contain at least 1 character(s)']],
    [create, { ...GOOD, name: 'x'.repeat(129) }, ['name: String must contain at most 128 character(s)']],
    [create, { ...GOOD, permissions: 'a' }, ['permissions: Expected array, received string']],
    [create, { ...GOOD, permissions: ['a', 1] }, ['permissions[1]: Expected string, received number']],
    [
      create,
      { ...GOOD, permissions: Array.from({ length: 65 }, () => 1) },
      ['permissions: Array must contain at most 64 element(s)'],
    ],
    [create, { ...GOOD, permissions: [''] }, ['permissions[0]: String must contain at least 1 character(s)']],
    [
      create,
      { ...GOOD, permissions: ['x'.repeat(65)] },
      ['permissions[0]: String must contain at most 64 character(s)'],
    ],
    [
      create,
      { ...GOOD, permissions: ['a b'] },
      [
        'permissions[0]: must be *, or begin with a letter or digit and hold only those, "_", ".", ":", "*" and "-"',
      ],
    ],
    [
      create,
      { ...GOOD, expiresAt: '2030-01-01' },
      ['expiresAt: must be an RFC 3339 date-time with an offset, from 1900 to 2299'],
    ],
    [create, { ...GOOD, expiresat: '2030-01-01T00:00:00Z' }, ['expiresat: Unknown field']],
    [create, { ...GOOD, rateLimit: {} }, ['rateLimit.requestsPerMinute is required']],
    [
      create,
      { ...GOOD, rateLimit: { requestsPerMinute: 0 } },
      ['rateLimit.requestsPerMinute: Number must be greater than or equal to 1'],
    ],
    [
      create,
      { ...GOOD, rateLimit: { requestsPerMinute: 9, burst: 1.5 } },
      ['rateLimit.burst: Expected integer, received float'],
    ],
    [change, {}, ['There must be at least one field to change']],
    [change, { key: 'sk_mine' }, ['key: Unknown field', 'There must be at least one field to change']],
    [change, { name: 'a', kind: 'x' }, ['kind: Unknown field']],
    [change, { isActive: 'no' }, ['isActive: Expected boolean, received string']],
    [change, { name: null }, ['name: Expected string, received null']],
    [rotate, { overlapSeconds: -1 }, ['overlapSeconds: Number must be greater than or equal to 0']],
    [rotate, { overlapSeconds: 2_592_001 }, ['overlapSeconds: Number must be less than or equal to 2592000']],
    [rotate, { overlap: 5 }, ['overlap: Unknown field']],
  ];
  for (const [{ method, path }, body, messages] of cases) {
    test(`${method} ${path}: ${messages.join(', ')}`, async () => {
      const answer = await send({}, method, path, { body });
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.body, failed(400, 'VALIDATION_ERROR', 'Bad Request', messages));
    });
  }

  for (const [search, message] of [
    ['limit=0', 'limit: Number must be greater than or equal to 1'],
    ['limit=201', 'limit: Number must be less than or equal to 200'],
    ['limit=x', 'limit: Expected number, received string'],
    ['cursor=', 'cursor: String must contain at least 1 character(s)'],
  ] as const) {
    test(`GET /api-keys?${search}`, async () => {
      const answer = await send({}, 'GET', '/api-keys', { search });
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.body, failed(400, 'VALIDATION_ERROR', 'Bad Request', [message]));
    });
  }
});

test('400: what auth finds wrong bears the name that the client gave it', async () => {
  const past = refusing('createCredential', 'expires_at', 'must be in the future');
  const created = await send(past, 'POST', '/api-keys', { body: GOOD });
  assert.equal(created.status, 400);
  assert.deepEqual(
    created.body,
    failed(400, 'VALIDATION_ERROR', 'Bad Request', ['expiresAt: must be in the future']),
  );
  const foreign = refusing('listCredentials', 'page_token', 'not one of ours');
  const listed = await send(foreign, 'GET', '/api-keys', { search: 'cursor=x' });
  assert.deepEqual(listed.body, failed(400, 'VALIDATION_ERROR', 'Bad Request', ['cursor: not one of ours']));
});

test('403: a permission that the caller doesn’t have can’t be given', async () => {
  const words = 'permissions: you can not give events:write, which you do not have';
  const answer = await send(failing('createCredential', 'permission_denied', words), 'POST', '/api-keys', {
    body: { name: 'a', permissions: ['events:write'] },
  });
  assert.equal(answer.status, 403);
  assert.deepEqual(answer.body, failed(403, 'FORBIDDEN', 'Forbidden', words));
});
