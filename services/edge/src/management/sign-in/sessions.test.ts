import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { authDouble, benchDialect, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { granting, session, USER_ID } from '../../../test/granting.ts';
import { signInApi } from './routes.ts';

type Handlers = NonNullable<Parameters<typeof authDouble>[0]>;

const credentials = granting({
  'jwt.member': session('events:write', 'events:read', 'analytics:read', 'webhooks:manage'),
  'jwt.owner': session('*'),
  'jwt.viewer': session('events:read', 'analytics:read'),
  'jwt.sender': session('events:write'),
  evp_everything: { permissions: new Set(['*']), credentialKind: CredentialKind.ANALYTICS_KEY },
});
const send = (
  handlers: Handlers,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
) =>
  benchDialect(signInApi, { credentials, auth: authDouble(handlers) }).send(method, path, { headers, body });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const failing = (code: ConstructorParameters<typeof MillraceError>[0]) => async () => {
  throw new MillraceError(code, 'a cause');
};
const failed = (code: string, message: string) => ({ success: false, error: { code, message } });

const CALLS = {
  'POST /api/auth/api-key': { name: 'Production API Key' },
  'GET /api/auth/me': undefined,
  'POST /api/auth/sign-out': undefined,
} as const;
const HANDLERS = {
  'POST /api/auth/api-key': (answer: () => Promise<never>) => ({ credentials: { createCredential: answer } }),
  'GET /api/auth/me': (answer: () => Promise<never>) => ({ signIn: { getUser: answer } }),
  'POST /api/auth/sign-out': (answer: () => Promise<never>) => ({ signIn: { endSessions: answer } }),
} as const;

test('200: the documented key, with the permissions of it that the session has', async () => {
  for (const [token, permissions] of [
    ['jwt.member', ['events:write', 'events:read', 'analytics:read']],
    ['jwt.owner', ['events:write', 'events:read', 'analytics:read']],
    ['jwt.sender', ['events:write']],
  ] as const) {
    const asked: unknown[] = [];
    const createCredential = async (request: Record<string, unknown>) => {
      const { workspaceId, userId, kind, name, permissions, expiresAt } = request;
      asked.push({ workspaceId, userId, kind, name, permissions, expiresAt }, request['actor']);
      return { credential: { id: 'key-1' }, secret: 'evp_lV4gXA78mzlEjhpRIoyRx-trBxKs0g701MeEvPcrvZY' };
    };
    const body = '{\n  "name": "Production API Key"\n}';
    const answer = await send(
      { credentials: { createCredential } },
      'POST',
      '/api/auth/api-key',
      bearer(token),
      body,
    );
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      success: true,
      data: {
        apiKey: 'evp_lV4gXA78mzlEjhpRIoyRx-trBxKs0g701MeEvPcrvZY',
        message: 'API key generated successfully',
        id: 'key-1',
      },
    });
    assert.deepEqual(answer.reply.headers, ['cache-control', 'no-store']);
    const [request, actor] = asked;
    assert.deepEqual(request, {
      workspaceId: WORKSPACE_ID,
      userId: USER_ID,
      kind: CredentialKind.ANALYTICS_KEY,
      name: 'Production API Key',
      permissions,
      expiresAt: undefined,
    });
    assert.partialDeepStrictEqual(actor, { userId: USER_ID, credentialId: `id of ${token}` });
  }
});

test('400: a key has a name of 1 to 128 characters', async () => {
  for (const [body, message] of [
    [{}, 'name is required'],
    [{ name: '' }, 'name: String must contain at least 1 character(s)'],
    [{ name: 'x'.repeat(129) }, 'name: String must contain at most 128 character(s)'],
    [{ name: 5 }, 'name: Expected string, received number'],
    ['{', ''],
  ] as const) {
    const answer = await send({}, 'POST', '/api/auth/api-key', bearer('jwt.member'), body);
    assert.equal(answer.status, 400);
    assert.ok(
      answer.reply.body.includes(`"code":"VALIDATION_ERROR","message":"${message}`),
      answer.reply.body,
    );
  }
});

test('403: who may not send events can’t make a key that does', async () => {
  const answer = await send(
    {},
    'POST',
    '/api/auth/api-key',
    bearer('jwt.viewer'),
    CALLS['POST /api/auth/api-key'],
  );
  assert.equal(answer.status, 403);
  assert.deepEqual(answer.body, failed('FORBIDDEN', 'The credential lacks the permission events:write'));
});

test('413, 415: the body of a key is JSON of at most 1 MiB', async () => {
  const headers = bearer('jwt.member');
  const large = await send({}, 'POST', '/api/auth/api-key', headers, ' '.repeat(1024 * 1024 + 1));
  assert.equal(large.status, 413);
  const form = { ...headers, 'content-type': 'text/xml' };
  assert.equal((await send({}, 'POST', '/api/auth/api-key', form, '<name/>')).status, 415);
});

test('409: a workspace that has as many keys as it may', async () => {
  const createCredential = async () => {
    throw new MillraceError('failed_precondition', 'deactivate or delete one first');
  };
  const handlers = { credentials: { createCredential } };
  const answer = await send(handlers, 'POST', '/api/auth/api-key', bearer('jwt.member'), { name: 'a' });
  assert.equal(answer.status, 409);
  assert.deepEqual(answer.body, failed('CONFLICT', 'deactivate or delete one first'));
});

test('500: a key that could not be made answers API_KEY_GENERATION_ERROR, without the cause', async () => {
  const handlers = { credentials: { createCredential: failing('internal') } };
  const answer = await send(handlers, 'POST', '/api/auth/api-key', bearer('jwt.member'), { name: 'a' });
  assert.equal(answer.status, 500);
  assert.deepEqual(answer.body, failed('API_KEY_GENERATION_ERROR', 'Failed to generate API key'));
});

test('200: the documented user', async () => {
  const getUser = async ({ userId }: { userId: string }) => ({
    user: { id: userId, email: 'user@example.com', createdAt: timestampFromMs(Date.UTC(2024, 0, 30, 10)) },
  });
  const answer = await send({ signIn: { getUser } }, 'GET', '/api/auth/me', bearer('jwt.viewer'));
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    success: true,
    data: { id: USER_ID, email: 'user@example.com', role: 'USER', createdAt: '2024-01-30T10:00:00.000Z' },
  });
});

test('204: a sign-out ends every session of the caller', async () => {
  const ended: unknown[] = [];
  const endSessions = async (request: { userId: string; actor?: { userId: string } | undefined }) => {
    ended.push(request.userId, request.actor?.userId);
    return {};
  };
  const answer = await send({ signIn: { endSessions } }, 'POST', '/api/auth/sign-out', bearer('jwt.viewer'));
  assert.deepEqual([answer.status, answer.reply.body], [204, '']);
  assert.deepEqual(ended, [USER_ID, USER_ID]);
});

for (const call of ['POST /api/auth/api-key', 'GET /api/auth/me', 'POST /api/auth/sign-out'] as const) {
  const [method = '', path = ''] = call.split(' ');
  const ask = (headers: Record<string, string>, handlers: Handlers = {}) =>
    send(handlers, method, path, headers, CALLS[call]);

  test(`401: ${call} without a JWT, with a bad one, or with a key`, async () => {
    for (const headers of [{}, { 'x-api-key': 'evp_everything' }, { 'x-api-key': 'jwt.owner' }] as const) {
      const answer = await ask(headers);
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.body, failed('UNAUTHORIZED', 'The Authorization header with a JWT is missing'));
    }
    for (const headers of [bearer('jwt.forged'), bearer('evp_everything'), { authorization: 'Basic YTpi' }]) {
      const answer = await ask(headers);
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.body, failed('UNAUTHORIZED', 'The JWT is invalid or expired'));
      assert.deepEqual(answer.reply.headers, ['www-authenticate', 'Bearer']);
    }
  });

  test(`401: ${call} by a session whose user or workspace is gone`, async () => {
    const answer = await ask(bearer('jwt.member'), HANDLERS[call](failing('not_found')));
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.body, failed('UNAUTHORIZED', 'The JWT is invalid or expired'));
  });

  test(`503: ${call} while auth can’t be asked`, async () => {
    const answer = await ask(bearer('jwt.member'), HANDLERS[call](failing('unavailable')));
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.body, failed('SERVICE_UNAVAILABLE', 'Not available now, try again'));
    assert.deepEqual(answer.reply.headers, ['retry-after', '1']);
  });
}

for (const call of ['GET /api/auth/me', 'POST /api/auth/sign-out'] as const) {
  test(`500: ${call} tells nothing of a cause`, async () => {
    const [method = '', path = ''] = call.split(' ');
    const answer = await send(HANDLERS[call](failing('internal')), method, path, bearer('jwt.owner'));
    assert.equal(answer.status, 500);
    assert.deepEqual(answer.body, failed('INTERNAL_ERROR', 'Internal server error'));
  });
}
