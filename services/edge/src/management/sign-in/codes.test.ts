import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MillraceError } from '@millrace/runtime';
import { authDouble, benchDialect } from '../../../test/dialect-harness.ts';
import { signInApi } from './routes.ts';

type SignInHandlers = NonNullable<NonNullable<Parameters<typeof authDouble>[0]>['signIn']>;

const JSON_BODY = { 'content-type': 'application/json' };
const EXAMPLE = '{\n  "email": "user@example.com",\n  "code": "123456"\n}';

const bench = (handlers: SignInHandlers = {}) =>
  benchDialect(signInApi, { auth: authDouble({ signIn: handlers }) });
const requestCode = (handlers: SignInHandlers, body: unknown, headers: Record<string, string> = JSON_BODY) =>
  bench(handlers).send('POST', '/api/auth/request-code', { headers, body });
const verify = (handlers: SignInHandlers, body: unknown, headers: Record<string, string> = JSON_BODY) =>
  bench(handlers).send('POST', '/api/auth/verify', { headers, body });
const failing =
  (code: ConstructorParameters<typeof MillraceError>[0], message = 'a cause') =>
  async () => {
    throw new MillraceError(code, message);
  };
const failed = (code: string, message: string, details?: object[]) => ({
  success: false,
  error: { code, message, ...(details && { details }) },
});
const sent = async () => ({ retryAfterSeconds: 0 });

test('200: the documented request for a code; auth learns where it came from', async () => {
  const asked: unknown[] = [];
  const answer = await requestCode(
    {
      async requestCode({ email, actor }) {
        asked.push(email, actor?.ipAddress, actor?.requestId, actor?.userId, actor?.permissions);
        return { retryAfterSeconds: 0 };
      },
    },
    '{\n  "email": "user@example.com"\n}',
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    success: true,
    data: { message: 'Verification code sent to user@example.com' },
  });
  assert.deepEqual(asked, ['user@example.com', '192.0.2.1', 'request-1', '', []]);
});

test('200: an address is taken in its normal form', async () => {
  const answer = await requestCode({ requestCode: sent }, { email: '  User@Example.COM ' });
  assert.match(answer.reply.body, /"Verification code sent to user@example\.com"/);
});

test('400: an address that is none is refused, and auth not asked', async () => {
  const issue = { field: 'email', code: 'invalid_string', message: 'Invalid email format' };
  for (const email of ['', 'user', 'user@', '@example.com', 'a b@example.com', 'a@b@c', 'a\n@example.com']) {
    const answer = await requestCode({}, { email });
    assert.equal(answer.status, 400, email);
    assert.deepEqual(answer.body, failed('VALIDATION_ERROR', 'Invalid email format', [issue]));
  }
  const long = await requestCode({}, { email: `${'a'.repeat(243)}@example.com` });
  assert.equal(long.status, 400);
  assert.equal(
    (await requestCode({ requestCode: sent }, { email: `${'a'.repeat(242)}@example.com` })).status,
    200,
  );
});

test('400: no address, no object, no JSON', async () => {
  const required = { field: 'email', code: 'invalid_type', message: 'Required' };
  const none = await requestCode({}, {});
  assert.deepEqual(none.body, failed('VALIDATION_ERROR', 'email is required', [required]));
  for (const body of [{ email: 5 }, { email: null }, [], '"user@example.com"', '{', '']) {
    const answer = await requestCode({}, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(answer.reply.body, /"code":"VALIDATION_ERROR"/);
  }
});

test('429: an address that has had its codes', async () => {
  const answer = await requestCode({ requestCode: async () => ({ retryAfterSeconds: 840 }) }, EXAMPLE);
  assert.equal(answer.status, 429);
  assert.deepEqual(answer.body, failed('RATE_LIMITED', 'Too many requests'));
  assert.deepEqual(answer.reply.headers, ['retry-after', '840']);
});

for (const [route, send, name] of [
  ['request-code', requestCode, 'requestCode'],
  ['verify', verify, 'verifyCode'],
] as const) {
  test(`413, 415: ${route} takes JSON of at most 1 MiB`, async () => {
    const large = await send({}, ' '.repeat(1024 * 1024 + 1));
    assert.equal(large.status, 413);
    assert.match(large.reply.body, /"code":"PAYLOAD_TOO_LARGE"/);
    const form = await send({}, 'email=a', { 'content-type': 'application/x-www-form-urlencoded' });
    assert.equal(form.status, 415);
    assert.match(form.reply.body, /"code":"UNSUPPORTED_MEDIA_TYPE"/);
  });

  test(`500, 503: ${route} tells nothing of a cause`, async () => {
    const away = await send({ [name]: failing('unavailable') }, EXAMPLE);
    assert.equal(away.status, 503);
    assert.deepEqual(away.body, failed('SERVICE_UNAVAILABLE', 'Not available now, try again'));
    assert.deepEqual(away.reply.headers, ['retry-after', '1']);
    const broken = await send({ [name]: failing('internal') }, EXAMPLE);
    assert.equal(broken.status, 500);
    assert.deepEqual(broken.body, failed('INTERNAL_ERROR', 'Internal server error'));
  });
}

test('200: the documented code yields a session', async () => {
  const asked: unknown[] = [];
  const user = { id: 'uuid-here', email: 'user@example.com', createdAt: timestampFromMs(0) };
  const expiresAt = timestampFromMs(Date.UTC(2024, 0, 30, 13, 40));
  const answer = await verify(
    {
      async verifyCode({ email, code, actor }) {
        asked.push(email, code, actor?.ipAddress);
        return { token: 'eyJ', expiresAt, user, workspaceId: 'workspace-1' };
      },
    },
    EXAMPLE,
  );
  assert.deepEqual(asked, ['user@example.com', '123456', '192.0.2.1']);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    success: true,
    data: {
      token: 'eyJ',
      user: { id: 'uuid-here', email: 'user@example.com', role: 'USER' },
      expiresAt: '2024-01-30T13:40:00.000Z',
      workspaceId: 'workspace-1',
    },
  });
  assert.deepEqual(answer.reply.headers, ['cache-control', 'no-store']);
});

test('400: a code that isn’t six digits is refused, and auth not asked', async () => {
  for (const code of [
    '',
    '12345',
    '1234567',
    '12345a',
    ' 123456',
    '123456\n',
    '１２３４５６',
    '-12345',
    '1e5000',
  ]) {
    const answer = await verify({}, { email: 'user@example.com', code });
    assert.equal(answer.status, 400, JSON.stringify(code));
    assert.match(answer.reply.body, /"code":"VALIDATION_ERROR","message":"Invalid code format/);
  }
  for (const [body, message] of [
    [{ email: 'user@example.com', code: 123456 }, 'code: Expected string, received number'],
    [{ email: 'user@example.com' }, 'code is required'],
    [{ email: 'user', code: '123456' }, 'Invalid email format'],
    [{ code: '123456' }, 'email is required'],
    [[], 'Expected object, received array'],
  ] as const) {
    const answer = await verify({}, body);
    assert.equal(answer.status, 400);
    assert.ok(answer.reply.body.includes(`"message":"${message}"`), answer.reply.body);
  }
});

test('401: a wrong, used or old code answers INVALID_CODE', async () => {
  const answer = await verify({ verifyCode: failing('unauthenticated', 'the code is wrong') }, EXAMPLE);
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.body, failed('INVALID_CODE', 'The code is not the one that was sent, or expired'));
});

test('403: somebody without a workspace is told so', async () => {
  const words = 'you are a member of no workspace';
  const answer = await verify({ verifyCode: failing('permission_denied', words) }, EXAMPLE);
  assert.equal(answer.status, 403);
  assert.deepEqual(answer.body, failed('FORBIDDEN', words));
});
