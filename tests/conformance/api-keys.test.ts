import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, onEachTopology, type SignedIn, signIn, untilPushed } from '@millrace/testkit';
import { assertJson, memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { example } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';

type Headers = Readonly<Record<string, string>>;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

onEachTopology(
  '002 chatbot: API keys',
  (stack) => {
    let person: SignedIn;
    before(async () => {
      person = await signIn(stack().connection.url, stack().mail, `${randomUUID()}@example.com`);
    });

    const call = (method: string, path: string, body?: unknown, headers: Headers = person.headers) =>
      httpCall(`${stack().connection.url}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    async function create(changes: object = {}, headers?: Headers): Promise<{ id: string; key: string }> {
      const body = { name: 'test', permissions: ['events:write'], ...changes };
      const answer = await call('POST', '/api-keys', body, headers);
      assert.equal(answer.status, 201, answer.text);
      return { id: textAt(answer.json(), 'id'), key: textAt(answer.json(), 'key') };
    }
    /** The status of a request in each of the two documented forms. */
    async function statuses(key: string): Promise<number[]> {
      const forms = [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }];
      const answers = await Promise.all(
        forms.map((headers) => call('POST', '/v1/ingest', [{ type: 'a', payload: {} }], headers)),
      );
      return answers.map(({ status }) => status);
    }
    const untilStatus = (t: TestContext, key: string, status: number) =>
      untilPushed(t, `${status}`, async () => assert.deepEqual(await statuses(key), [status, status]));

    test('201: the documented creation', async () => {
      const answer = await call('POST', '/api-keys', example('chatbot/key-request.json'));
      assert.equal(answer.status, 201, answer.text);
      const [id, key, createdAt] = ['id', 'key', 'createdAt'].map((field) => textAt(answer.json(), field));
      assert.match(id ?? '', UUID_V7);
      assert.match(key ?? '', /^sk_[A-Za-z0-9_-]{43}$/);
      assert.match(createdAt ?? '', TIME);
      const documented = JSON.parse(example('chatbot/key.json'));
      assert.partialDeepStrictEqual(answer.json(), { ...documented, id, key, createdAt });
      assert.equal(answer.headers['cache-control'], 'no-store');
    });

    test('200: a key is shown once; later only its beginning and its end', async () => {
      const { id, key } = await create({ name: 'Shown once' });
      const one = await call('GET', `/api-keys/${id}`);
      const { createdAt } = one.json() as { createdAt: string };
      assertJson(one, 200, {
        id,
        name: 'Shown once',
        permissions: ['events:write'],
        isActive: true,
        createdAt,
        lastUsedAt: null,
        expiresAt: null,
        kind: 'secret_key',
        prefix: key.slice(0, 8),
        lastFour: key.slice(-4),
        rateLimit: null,
      });
      const list = await call('GET', '/api-keys');
      assert.equal(list.status, 200);
      assert.ok(list.text.includes(id) && !list.text.includes(key));
    });

    test('200: the list is a bare array of every kind, newest first, in pages', async () => {
      const { id } = await create();
      const made = await call('POST', '/api/auth/api-key', { name: 'For events' });
      const evp = textAt(made.json(), 'data', 'id');
      const all = (await call('GET', '/api-keys')).json();
      assert.ok(Array.isArray(all));
      assert.deepEqual([memberOf(all, 0, 'id'), memberOf(all, 0, 'kind')], [evp, 'analytics_key']);
      assert.deepEqual([memberOf(all, 1, 'id'), memberOf(all, 1, 'kind')], [id, 'secret_key']);
      const paged: unknown[] = [];
      for (let query = '?limit=2'; query !== ''; ) {
        const page = await call('GET', `/api-keys${query}`);
        const keys = page.json();
        assert.ok(page.status === 200 && Array.isArray(keys) && keys.length <= 2, page.text);
        paged.push(...keys);
        const { link = '' } = page.headers;
        query = /^<(\?[^>]+)>; rel="next"$/.exec(String(link))?.[1] ?? '';
      }
      assert.deepEqual(paged, all);
    });

    test('200: lastUsedAt is kept', async () => {
      const { id, key } = await create();
      assert.deepEqual(await statuses(key), [202, 202]);
      const lastUsedAt = async () => textAt((await call('GET', `/api-keys/${id}`)).json(), 'lastUsedAt');
      assert.match(await eventually(lastUsedAt, { timeoutMs: 60_000, intervalMs: 500 }), TIME);
    });

    describe('a change is seen everywhere', () => {
      test('PATCH isActive: refused in both forms, and taken again', async (t) => {
        const { id, key } = await create();
        assert.deepEqual(await statuses(key), [202, 202]);
        const off = await call('PATCH', `/api-keys/${id}`, { isActive: false });
        assert.deepEqual([off.status, memberOf(off.json(), 'isActive')], [200, false]);
        await untilStatus(t, key, 401);
        const on = await call('PATCH', `/api-keys/${id}`, { isActive: true });
        assert.deepEqual([on.status, memberOf(on.json(), 'isActive')], [200, true]);
        await untilStatus(t, key, 202);
      });

      test('PATCH permissions: another one opens and closes the route; the name is kept', async (t) => {
        const { id, key } = await create({ name: 'Kept', permissions: ['messages:send'] });
        assert.deepEqual(await statuses(key), [403, 403]);
        const answer = await call('PATCH', `/api-keys/${id}`, { permissions: ['events:write'] });
        assert.equal(answer.status, 200, answer.text);
        assert.partialDeepStrictEqual(answer.json(), { name: 'Kept', permissions: ['events:write'] });
        await untilStatus(t, key, 202);
      });

      test('PATCH name and rateLimit', async () => {
        const { id } = await create();
        const rateLimit = { requestsPerMinute: 600, burst: 100 };
        const answer = await call('PATCH', `/api-keys/${id}`, { name: 'Renamed', rateLimit });
        assert.partialDeepStrictEqual(answer.json(), { name: 'Renamed', rateLimit, isActive: true });
        const back = await call('PATCH', `/api-keys/${id}`, { rateLimit: null });
        assert.partialDeepStrictEqual(back.json(), { name: 'Renamed', rateLimit: null });
      });

      test('POST deactivate', async (t) => {
        const { id, key } = await create();
        assert.deepEqual(await statuses(key), [202, 202]);
        const answer = await call('POST', `/api-keys/${id}/deactivate`);
        assert.equal(answer.status, 200, answer.text);
        assert.partialDeepStrictEqual(answer.json(), { id, isActive: false });
        await untilStatus(t, key, 401);
      });

      test('DELETE', async (t) => {
        const { id, key } = await create();
        assert.deepEqual(await statuses(key), [202, 202]);
        const answer = await call('DELETE', `/api-keys/${id}`);
        assert.deepEqual([answer.status, answer.text], [204, '']);
        await untilStatus(t, key, 401);
        assert.equal((await call('GET', `/api-keys/${id}`)).status, 404);
      });

      test('POST rotate: the old key stops, the new one has its name and permissions', async (t) => {
        const { id, key } = await create({ name: 'Rotated' });
        const answer = await call('POST', `/api-keys/${id}/rotate`);
        assert.equal(answer.status, 201, answer.text);
        assert.partialDeepStrictEqual(answer.json(), { name: 'Rotated', permissions: ['events:write'] });
        assert.notEqual(textAt(answer.json(), 'id'), id);
        await untilStatus(t, textAt(answer.json(), 'key'), 202);
        await untilStatus(t, key, 401);
      });

      test('POST rotate with an overlap: both work, the old one until then', async (t) => {
        const { id, key } = await create();
        const askedAtMs = Date.now();
        const answer = await call('POST', `/api-keys/${id}/rotate`, { overlapSeconds: 3_600 });
        await untilStatus(t, textAt(answer.json(), 'key'), 202);
        assert.deepEqual(await statuses(key), [202, 202]);
        const old = await call('GET', `/api-keys/${id}`);
        const rotatedAtMs = Date.parse(textAt(old.json(), 'expiresAt')) - 3_600_000;
        assert.ok(rotatedAtMs >= askedAtMs && rotatedAtMs <= Date.now(), old.text);

        const short = await create();
        await call('POST', `/api-keys/${short.id}/rotate`, { overlapSeconds: 1 });
        await untilStatus(t, short.key, 401);
      });

      test('a key may deactivate itself, and then does nothing any more', async (t) => {
        const { id, key } = await create({ permissions: ['events:write', 'api-keys:manage'] });
        const own = { 'x-api-key': key };
        assert.equal((await call('POST', `/api-keys/${id}/deactivate`, undefined, own)).status, 200);
        await untilStatus(t, key, 401);
      });
    });

    test('401: a key is refused from the moment that it expires', async () => {
      const endMs = Date.now() + 3_000;
      const expiresAt = new Date(endMs).toISOString();
      const { id, key } = await create({ expiresAt });
      assert.equal(memberOf((await call('GET', `/api-keys/${id}`)).json(), 'expiresAt'), expiresAt);
      for (let askedAtMs = 0; askedAtMs < endMs; ) {
        askedAtMs = Date.now();
        const answers = await statuses(key);
        // Whatever is under way at that moment may be answered in either way.
        if (Date.now() < endMs) assert.deepEqual(answers, [202, 202]);
        if (askedAtMs >= endMs) assert.deepEqual(answers, [401, 401]);
        await sleep(100);
      }
    });
  },
  { mail: true },
);
