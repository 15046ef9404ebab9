import assert from 'node:assert/strict';
import { createPublicKey, randomUUID, verify as verifySignature } from 'node:crypto';
import { describe, test } from 'node:test';
import { type HttpAnswer, onEachTopology, signIn, untilPushed } from '@millrace/testkit';
import { assertJson, memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { example, exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';

onEachTopology(
  '003 analytics: sign-in',
  (stack) => {
    const url = (path: string) => `${stack().connection.url}${path}`;
    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      httpCall(url(path), {
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const get = (path: string, headers: Record<string, string> = {}) =>
      httpCall(url(path), { method: 'GET', headers });
    const newPerson = () => signIn(stack().connection.url, stack().mail, `${randomUUID()}@example.com`);

    /** Asks for a code, and returns what the mail says. */
    async function mailedCode(email: string): Promise<string> {
      const before = stack().mail.mails.filter(({ to }) => to === email).length;
      assert.equal((await post('/api/auth/request-code', { email })).status, 200);
      const { text } = await stack().mail.waitFor(email, before);
      const [code] = /\b[0-9]{6}\b/.exec(text) ?? [];
      assert.ok(code !== undefined, text);
      return code;
    }

    test('the documented flow: a code by mail, a JWT, a key, an event', async () => {
      const before = stack().mail.mails.length;
      const sent = await post('/api/auth/request-code', example('sign-in/code-request.json'));
      assertJson(sent, 200, exampleJson('sign-in/code-sent.json'));
      const { to, text } = await stack().mail.waitFor('user@example.com');
      assert.equal(stack().mail.mails.length, before + 1);
      assert.equal(to, 'user@example.com');
      const [code = ''] = /\b[0-9]{6}\b/.exec(text) ?? [];

      const body = example('sign-in/code.json').replace('123456', code);
      const session = await post('/api/auth/verify', body);
      assert.equal(session.status, 200, session.text);
      const token = textAt(session.json(), 'data', 'token');
      const id = textAt(session.json(), 'data', 'user', 'id');
      assert.match(id, UUID_V7);
      assert.partialDeepStrictEqual(
        session.json(),
        JSON.parse(
          example('sign-in/session.json')
            .replace('uuid-here', id)
            .replace(/eyJ[^"]*/, token),
        ),
      );

      const authorization = `Bearer ${token}`;
      const made = await post('/api/auth/api-key', example('sign-in/key-request.json'), { authorization });
      assert.equal(made.status, 200, made.text);
      const apiKey = textAt(made.json(), 'data', 'apiKey');
      assert.match(apiKey, /^evp_[A-Za-z0-9_-]{43}$/);
      assert.partialDeepStrictEqual(
        made.json(),
        JSON.parse(example('sign-in/key.json').replace(/evp_[^"]*/, apiKey)),
      );
      const event = await post('/api/v1/events', example('analytics/event.json'), { 'x-api-key': apiKey });
      assert.equal(event.status, 202, event.text);

      const me = await get('/api/auth/me', { authorization });
      const createdAt = textAt(me.json(), 'data', 'createdAt');
      assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const documented = example('sign-in/user.json').replace('uuid-here', id);
      assertJson(me, 200, JSON.parse(documented.replace('2024-01-30T10:00:00Z', createdAt)));
    });

    test('the same answer whether or not the address is known, in any spelling', async () => {
      const { email } = await newPerson();
      for (const address of [email, email.toUpperCase(), ` ${randomUUID()}@example.com `]) {
        const answer = await post('/api/auth/request-code', { email: address });
        const message = `Verification code sent to ${address.trim().toLowerCase()}`;
        assertJson(answer, 200, { success: true, data: { message } });
      }
    });

    test('a person is the same at every sign-in, and has a workspace that nobody else has', async () => {
      const email = `${randomUUID()}@example.com`;
      const first = await post('/api/auth/verify', { email, code: await mailedCode(email) });
      const again = await post('/api/auth/verify', { email, code: await mailedCode(email) });
      const workspaceId = textAt(first.json(), 'data', 'workspaceId');
      for (const path of [['user', 'id'], ['workspaceId']]) {
        assert.equal(textAt(again.json(), 'data', ...path), textAt(first.json(), 'data', ...path));
      }
      assert.notEqual(workspaceId, stack().connection.workspaceId);
      const other = `${randomUUID()}@example.com`;
      const stranger = await post('/api/auth/verify', { email: other, code: await mailedCode(other) });
      assert.notEqual(textAt(stranger.json(), 'data', 'workspaceId'), workspaceId);
    });

    test('the published keys verify the JWT', async () => {
      const { token } = await newPerson();
      const [head = '', claims = '', signature = ''] = token.split('.');
      const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
      assert.equal(memberOf(header, 'alg'), 'EdDSA');
      const answer = await get('/.well-known/jwks.json');
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/jwk-set+json');
      assert.equal(answer.headers['cache-control'], 'public, max-age=300');
      const keys = memberOf(answer.json(), 'keys');
      assert.ok(Array.isArray(keys));
      const jwk = keys.find((key) => memberOf(key, 'kid') === memberOf(header, 'kid'));
      assert.ok(jwk, answer.text);
      assert.equal(memberOf(jwk, 'd'), undefined, 'a private key is published');
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      const signed = Buffer.from(`${head}.${claims}`);
      assert.ok(verifySignature(null, signed, key, Buffer.from(signature, 'base64url')));
    });

    describe('401 INVALID_CODE', () => {
      const refused = async (email: string, code: string) =>
        assertError(await post('/api/auth/verify', { email, code }), 401, 'INVALID_CODE');

      test('a wrong code, and a code of an address that asked for none', async () => {
        const email = `${randomUUID()}@example.com`;
        await refused(email, '000000');
        await refused(email, other(await mailedCode(email)));
      });

      test('a code that was used, and one that a newer code has replaced', async () => {
        const email = `${randomUUID()}@example.com`;
        const first = await mailedCode(email);
        const second = await mailedCode(email);
        if (first !== second) await refused(email, first);
        assert.equal((await post('/api/auth/verify', { email, code: second })).status, 200);
        await refused(email, second);
      });

      test('the right code after five wrong ones', async () => {
        const email = `${randomUUID()}@example.com`;
        const code = await mailedCode(email);
        for (let i = 0; i < 5; i++) await refused(email, other(code));
        await refused(email, code);
      });
    });

    describe('400 VALIDATION_ERROR', () => {
      const invalid = async (path: string, body: unknown, message: RegExp, headers = {}) =>
        assertError(await post(path, body, headers), 400, 'VALIDATION_ERROR', message);

      test('of an address', async () => {
        for (const email of ['', 'user', '@example.com', 'a b@example.com', 5, undefined]) {
          await invalid('/api/auth/request-code', { email }, /email/);
        }
        await invalid('/api/auth/verify', { email: 'user', code: '123456' }, /Invalid email format/);
      });

      test('of a code', async () => {
        for (const code of ['', '12345', '1234567', 'abcdef', 123456, undefined]) {
          await invalid('/api/auth/verify', { email: 'user@example.com', code }, /code/);
        }
      });

      test('of a key’s name, and of what is no JSON', async () => {
        const { headers } = await newPerson();
        for (const name of ['', 'x'.repeat(129), 5, undefined]) {
          await invalid('/api/auth/api-key', { name }, /name/, headers);
        }
        await invalid('/api/auth/api-key', '{', /JSON/, headers);
        await invalid('/api/auth/request-code', '{', /JSON/);
      });
    });

    test('429 RATE_LIMITED: an address gets three codes in fifteen minutes', async () => {
      const email = `${randomUUID()}@example.com`;
      for (let i = 0; i < 3; i++) await mailedCode(email);
      const answer = await post('/api/auth/request-code', { email });
      assertError(answer, 429, 'RATE_LIMITED');
      const seconds = Number(answer.headers['retry-after']);
      assert.ok(seconds > 0 && seconds <= 15 * 60, answer.headers['retry-after']);
    });

    test('413 PAYLOAD_TOO_LARGE, 415 UNSUPPORTED_MEDIA_TYPE', async () => {
      const large = await post('/api/auth/request-code', ' '.repeat(1024 * 1024 + 1));
      assertError(large, 413, 'PAYLOAD_TOO_LARGE');
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      assertError(await post('/api/auth/verify', 'email=a', type), 415, 'UNSUPPORTED_MEDIA_TYPE');
    });

    test('401 UNAUTHORIZED: no JWT, a forged one, or a key in its place', async () => {
      const { token } = await newPerson();
      const [head = '', claims = '', signature = ''] = token.split('.');
      const none = Buffer.from('{"alg":"none"}').toString('base64url');
      const { apiKey } = stack().connection.credentials;
      const presented = ['', apiKey, `${none}.${claims}.`, `${head}.${claims}.${flipped(signature)}`];
      for (const credential of presented) {
        const headers = credential === '' ? {} : { authorization: `Bearer ${credential}` };
        assertError(await get('/api/auth/me', headers), 401, 'UNAUTHORIZED');
        assertError(await post('/api/auth/api-key', { name: 'a' }, headers), 401, 'UNAUTHORIZED');
      }
      assertError(await post('/api/auth/sign-out', '', { 'x-api-key': apiKey }), 401, 'UNAUTHORIZED');
    });

    test('204: a sign-out ends every session, and no key', async (t) => {
      const email = `${randomUUID()}@example.com`;
      const one = await signIn(stack().connection.url, stack().mail, email);
      const two = await signIn(stack().connection.url, stack().mail, email);
      const made = await post('/api/auth/api-key', { name: 'a' }, one.headers);
      const apiKey = textAt(made.json(), 'data', 'apiKey');
      for (const { headers } of [one, two]) assert.equal((await get('/api/auth/me', headers)).status, 200);
      const ended = await httpCall(url('/api/auth/sign-out'), { headers: two.headers });
      assert.deepEqual([ended.status, ended.text], [204, '']);
      assert.equal(ended.headers['content-length'], undefined);
      await untilPushed(t, 'ended', async () => {
        for (const { headers } of [one, two])
          assertError(await get('/api/auth/me', headers), 401, 'UNAUTHORIZED');
      });
      const stats = await get('/api/v1/events/stats', { 'x-api-key': apiKey });
      assert.equal(stats.status, 200, stats.text);
    });
  },
  { mail: true },
);

/** The documented shape: `details` may come with it, and nothing else. */
function assertError(answer: HttpAnswer, status: number, code: string, message = /./): void {
  const body = answer.json();
  const text = textAt(body, 'error', 'message');
  const details = memberOf(body, 'error', 'details');
  assertJson(answer, status, {
    success: false,
    error: { code, message: text, ...(details === undefined ? {} : { details }) },
  });
  assert.match(text, message);
}

/** Another code than this one. */
function other(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0');
}

/** A signature with one bit of its first byte turned. */
function flipped(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  return bytes.toString('base64url');
}
