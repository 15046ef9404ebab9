import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { before, describe, test } from 'node:test';
import { type HttpAnswer, onEachTopology, type SignedIn, signIn } from '@millrace/testkit';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';

type Headers = Readonly<Record<string, string>>;

/** Every route, with a body that it takes. */
const ROUTES = [
  { method: 'POST', path: '/api-keys', body: { name: 'a', permissions: [] }, status: 201 },
  { method: 'GET', path: '/api-keys', body: undefined, status: 200 },
  { method: 'GET', path: '/api-keys/:id', body: undefined, status: 200 },
  { method: 'PATCH', path: '/api-keys/:id', body: { name: 'b' }, status: 200 },
  { method: 'POST', path: '/api-keys/:id/rotate', body: { overlapSeconds: 60 }, status: 201 },
  { method: 'POST', path: '/api-keys/:id/deactivate', body: undefined, status: 200 },
  { method: 'DELETE', path: '/api-keys/:id', body: undefined, status: 204 },
] as const;

onEachTopology(
  '002 chatbot: API keys, who may and what is refused',
  (stack) => {
    let owner: SignedIn;
    let stranger: SignedIn;
    let manager = '';
    let sender = '';
    before(async () => {
      const signedIn = () => signIn(stack().connection.url, stack().mail, `${randomUUID()}@example.com`);
      [owner, stranger] = [await signedIn(), await signedIn()];
      manager = (await create(['api-keys:manage', 'messages:send'])).key;
      sender = (await create(['events:write', 'messages:send'])).key;
    });

    const call = (method: string, path: string, body: unknown, headers: Headers) =>
      httpCall(`${stack().connection.url}${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    async function create(permissions: readonly string[], headers: Headers = owner.headers) {
      const answer = await call('POST', '/api-keys', { name: 'test', permissions }, headers);
      assert.equal(answer.status, 201, answer.text);
      return { id: textAt(answer.json(), 'id'), key: textAt(answer.json(), 'key') };
    }

    for (const { method, path, body, status } of ROUTES) {
      const route = `${method} ${path}`;
      const send = (id: string, headers: Headers) => call(method, path.replace(':id', id), body, headers);

      test(`${status}: ${route} with a JWT, and with a key with api-keys:manage in either header`, async () => {
        for (const headers of [
          owner.headers,
          { 'x-api-key': manager },
          { authorization: `Bearer ${manager}` },
        ]) {
          const { id } = await create(['messages:send']);
          const answer = await send(id, headers);
          assert.equal(answer.status, status, answer.text);
        }
      });

      test(`401: ${route} without a credential, or with one that is none`, async () => {
        const { id } = await create([]);
        for (const headers of [{}, { 'x-api-key': 'sk_nope' }, { authorization: 'Bearer sk_nope' }]) {
          assertError(await send(id, headers), 401, 'UNAUTHORIZED');
        }
      });

      test(`403: ${route} with a key that may not manage keys`, async () => {
        const { id } = await create([]);
        for (const headers of [{ 'x-api-key': sender }, { authorization: `Bearer ${sender}` }]) {
          assertError(await send(id, headers), 403, 'FORBIDDEN', /api-keys:manage/);
        }
      });

      if (!path.includes(':id')) continue;

      test(`404: ${route} of another workspace’s key, of none, and of what is no id`, async () => {
        const { id } = await create([]);
        const foreign = await send(id, stranger.headers);
        const none = await send(randomUUID(), stranger.headers);
        for (const answer of [foreign, none, await send('uuid', stranger.headers)]) {
          assertError(answer, 404, 'NOT_FOUND');
          assert.equal(answer.text, none.text);
        }
        assert.equal(
          memberOf((await call('GET', `/api-keys/${id}`, undefined, owner.headers)).json(), 'isActive'),
          true,
        );
      });
    }

    test('the list has nothing of another workspace', async () => {
      const { id } = await create([]);
      assert.ok(!(await call('GET', '/api-keys', undefined, stranger.headers)).text.includes(id));
    });

    describe('403: nobody gives what they don’t have', () => {
      test('a permission of Millrace’s own; others are free', async () => {
        const headers = { 'x-api-key': manager };
        const free = await create(['conversations:read', 'api-keys:manage'], headers);
        for (const permission of ['events:write', '*']) {
          const body = { name: 'a', permissions: [permission] };
          assertError(await call('POST', '/api-keys', body, headers), 403, 'FORBIDDEN');
          const change = { permissions: [permission] };
          assertError(await call('PATCH', `/api-keys/${free.id}`, change, headers), 403, 'FORBIDDEN');
        }
      });

      test('nor by rotating a key that has more', async () => {
        const { id } = await create(['events:write']);
        const answer = await call('POST', `/api-keys/${id}/rotate`, {}, { 'x-api-key': manager });
        assertError(answer, 403, 'FORBIDDEN');
      });
    });

    test('409: a key that the installation sets is not changed here', async () => {
      const headers = { 'x-api-key': stack().connection.credentials.apiKey };
      const listed = (await call('GET', '/api-keys', undefined, headers)).json();
      assert.ok(Array.isArray(listed));
      const set = listed.find((key) => memberOf(key, 'kind') === 'environment');
      const path = `/api-keys/${textAt(set, 'id')}`;
      assertError(await call('PATCH', path, { name: 'mine' }, headers), 409, 'CONFLICT');
      assertError(await call('POST', `${path}/deactivate`, undefined, headers), 409, 'CONFLICT');
      assertError(await call('DELETE', path, undefined, headers), 409, 'CONFLICT');
      assertError(await call('POST', `${path}/rotate`, {}, headers), 409, 'CONFLICT');
    });

    test('400: the message is a list that names the fields', async () => {
      const { id } = await create([]);
      const good = { name: 'a', permissions: [] };
      const cases: [method: string, path: string, body: unknown, names: RegExp][] = [
        ['POST', '/api-keys', {}, /name.*permissions/],
        ['POST', '/api-keys', { ...good, name: '' }, /name/],
        ['POST', '/api-keys', { ...good, permissions: ['a b'] }, /permissions\[0\]/],
        ['POST', '/api-keys', { ...good, expiresAt: 'tomorrow' }, /expiresAt/],
        ['POST', '/api-keys', { ...good, expiresAt: '2020-01-01T00:00:00Z' }, /expiresAt.*future/],
        ['POST', '/api-keys', { ...good, rateLimit: { requestsPerMinute: 1, burst: 2 } }, /rateLimit/],
        ['POST', '/api-keys', { ...good, isActive: false }, /isActive/],
        ['PATCH', `/api-keys/${id}`, {}, /at least one field/],
        ['PATCH', `/api-keys/${id}`, { key: 'sk_mine' }, /key/],
        ['POST', `/api-keys/${id}/rotate`, { overlapSeconds: 2_592_001 }, /overlapSeconds/],
        ['GET', '/api-keys?limit=201', undefined, /limit/],
        ['GET', '/api-keys?cursor=x', undefined, /cursor/],
      ];
      for (const [method, path, body, names] of cases) {
        const answer = await call(method, path, body, owner.headers);
        assertError(answer, 400, 'VALIDATION_ERROR', names);
        assert.ok(Array.isArray(memberOf(answer.json(), 'message')), answer.text);
      }
      assertError(await call('POST', '/api-keys', '{', owner.headers), 400, 'VALIDATION_ERROR', /JSON/);
    });

    test('413 PAYLOAD_TOO_LARGE, 415 UNSUPPORTED_MEDIA_TYPE', async () => {
      const large = ' '.repeat(1024 * 1024 + 1);
      assertError(await call('POST', '/api-keys', large, owner.headers), 413, 'PAYLOAD_TOO_LARGE');
      const headers = { ...owner.headers, 'content-type': 'text/plain' };
      assertError(await call('POST', '/api-keys', '{}', headers), 415, 'UNSUPPORTED_MEDIA_TYPE');
    });
  },
  { mail: true },
);

/** `{statusCode, message, error, code}`, where the error is HTTP's own word. */
function assertError(answer: HttpAnswer, status: number, code: string, words = /./): void {
  const message = memberOf(answer.json(), 'message');
  assertJson(answer, status, { statusCode: status, message, error: STATUS_CODES[status], code });
  assert.match(typeof message === 'string' ? message : JSON.stringify(message), words);
}
