import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { eventually, onEachTopology, type SignedIn } from '@millrace/testkit';
import { logsUnder } from '../e2e/support/logs.ts';
import { assertJson, memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { assertChatbot, assertProblem } from './support/error-shapes.ts';
import { newPerson } from './support/people.ts';
import { newPath, type WorkspaceWithHooks, workspaceWithHooks } from './support/workspace-with-hooks.ts';

/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9';

onEachTopology(
  '002 chatbot: webhook endpoints',
  (stack) => {
    let owner: SignedIn;
    let here: WorkspaceWithHooks;
    let there: WorkspaceWithHooks;
    before(async () => {
      owner = await newPerson(stack());
      [here, there] = await Promise.all([
        workspaceWithHooks(stack(), owner),
        workspaceWithHooks(stack(), owner),
      ]);
    });

    test('an endpoint is made, read, changed and deleted', async () => {
      const url = NOWHERE + newPath();
      const made = await here.call('POST /webhooks', { url, events: ['message.*'] });
      assert.equal(made.status, 201, made.text);
      const { secret, ...shown } = Object(made.json());
      assert.match(secret, /^whsec_[A-Za-z0-9+/]+=*$/);
      assert.equal(made.headers['cache-control'], 'no-store');
      const { id, createdAt, updatedAt, ...rest } = shown;
      assert.match(id, UUID_V7);
      assert.deepEqual(rest, {
        ...{
          url,
          headers: {},
          signature: 'hmac-sha256',
          publicKey: null,
          events: ['message.*'],
          description: '',
        },
        ...{
          isActive: true,
          filter: null,
          rateLimit: null,
          maxInFlight: 10,
          ordered: false,
          retryPolicy: 'fast',
        },
        ...{ disabledReason: null, failingSince: null },
      });
      assertJson(await here.call(`GET /webhooks/${id}`), 200, shown);
      const changes = {
        ...{
          description: 'Ours',
          isActive: false,
          headers: { 'X-Tenant': 'acme' },
          rateLimit: 5,
          maxInFlight: 2,
        },
        ...{
          filter: { or: [{ field: 'payload.n', gte: 1, lt: 5 }, { not: { field: 'userId', exists: true } }] },
        },
        ...{ ordered: true, retryPolicy: { delays: [0.5, 60] }, url: `${url}/new`, events: ['a', 'b.*'] },
      };
      const changed = await here.call(`PATCH /webhooks/${id}`, changes);
      assert.equal(changed.status, 200, changed.text);
      const after = Object(changed.json());
      assert.deepEqual(after, { ...shown, ...changes, disabledReason: 'owner', updatedAt: after.updatedAt });
      const back = { filter: null, rateLimit: null, isActive: true };
      const undone = await here.call(`PATCH /webhooks/${id}`, back);
      assert.partialDeepStrictEqual(undone.json(), { ...back, disabledReason: null, ordered: true });
      assert.equal((await here.call(`DELETE /webhooks/${id}`)).status, 204);
      const gone = await here.call(`GET /webhooks/${id}`);
      assertJson(gone, 404, {
        ...{ statusCode: 404, message: 'no such endpoint', error: 'Not Found', code: 'NOT_FOUND' },
      });
      await eventually(async () => {
        const { text } = await here.call(`GET /v1/audit?target=${id}`);
        for (const action of ['created', 'updated', 'deleted'])
          assert.ok(text.includes(`endpoint.${action}`), text);
      });
    });

    test('Ed25519: the public key is shown, no secret', async () => {
      const body = { url: NOWHERE, events: ['*'], signature: 'ed25519', isActive: false };
      const made = await here.call('POST /webhooks', body);
      assert.equal(made.status, 201, made.text);
      assert.match(textAt(made.json(), 'publicKey'), /^whpk_/);
      assert.equal(memberOf(made.json(), 'secret'), undefined);
      const rotated = await here.call(`POST /webhooks/${textAt(made.json(), 'id')}/rotate-secret`);
      assert.match(textAt(rotated.json(), 'publicKey'), /^whpk_/);
      assert.equal(memberOf(rotated.json(), 'secret'), undefined);
    });

    test('what the service refuses is named in the words of each API', async () => {
      for (const [change, field] of [
        [{ url: 'ftp://example.com' }, 'url'],
        [{ url: 'https://user:secret@example.com' }, 'url'],
        [{ url: 'nonsense' }, 'url'],
        [{ events: ['a.*.b'] }, 'events[0]'],
        [{ headers: { 'X-Webhook-ID': 'mine' } }, 'headers.X-Webhook-ID'],
        [{ headers: { 'X-A': 'a\r\nb: c' } }, 'headers.X-A'],
        [{ filter: { field: 'payload..x', exists: true } }, 'filter'],
      ] as const) {
        const body = { url: NOWHERE, events: ['*'], ...change };
        assertChatbot(await here.call('POST /webhooks', body), 400, field);
        const { url, headers, ...rest } = { headers: {}, ...body };
        const asTrigger = await here.call('POST /v1/triggers', {
          ...rest,
          target: { kind: 'http', url, headers },
        });
        const place = field === 'url' || field.startsWith('headers') ? `target.${field}` : field;
        assertProblem(asTrigger, 400, place);
      }
      assertChatbot(
        await here.call('POST /webhooks', { url: NOWHERE, events: ['*'], retries: 3 }),
        400,
        'retries',
      );
    });

    describe('secrets', () => {
      test('are shown once, and in no list, log or entry of the audit log', async () => {
        const { id, secret } = await here.subscribe({ url: NOWHERE + newPath(), events: ['nothing.here'] });
        const rotated = textAt((await here.call(`POST /webhooks/${id}/rotate-secret`)).json(), 'secret');
        assert.notEqual(rotated, secret);
        await here.call(`POST /webhooks/${id}/test`);
        await eventually(async () => {
          const { text } = await here.call(`GET /v1/audit?target=${id}`);
          assert.ok(text.includes('endpoint.secret_rotated'), text);
        });
        const routes = [
          ...['GET /webhooks', `GET /webhooks/${id}`, `GET /webhooks/${id}/deliveries`, 'GET /v1/triggers'],
          ...[`GET /v1/triggers/${id}`, `GET /v1/audit?target=${id}`],
        ];
        const shown = await Promise.all(routes.map(async (route) => (await here.call(route)).text));
        const texts = [...shown, logsUnder(stack().dataDir)];
        assert.ok(shown.every((text) => text.includes(id)));
        for (const word of [secret, rotated].map((one) => one.replace('whsec_', ''))) {
          for (const text of texts) assert.ok(!text.includes(word));
        }
      });
    });

    test('another workspace with the same names sees and changes nothing of it', async () => {
      const body = { url: NOWHERE + newPath(), events: ['nothing.here'] };
      const { id } = await here.subscribe(body);
      const twin = await there.subscribe(body);
      const delivery = textAt((await here.call(`POST /webhooks/${id}/test`)).json(), 'id');
      const replay = await here.call(`POST /webhooks/${id}/replay`, { since: new Date().toISOString() });
      const replayId = textAt(replay.json(), 'id');
      const listed = await there.call('GET /webhooks');
      assert.ok(listed.text.includes(twin.id) && !listed.text.includes(id));
      for (const [route, sent] of [
        [`GET /webhooks/${id}`],
        [`PATCH /webhooks/${id}`, { isActive: false }],
        [`DELETE /webhooks/${id}`],
        [`POST /webhooks/${id}/test`],
        [`POST /webhooks/${id}/rotate-secret`],
        [`GET /webhooks/${id}/deliveries`],
        [`GET /webhooks/${id}/replays`],
        [`POST /webhooks/${id}/recover`, { since: '2024-01-30T12:00:00Z' }],
        [`POST /webhooks/${id}/replay`, { since: '2024-01-30T12:00:00Z' }],
        [`DELETE /webhooks/replays/${replayId}`],
        [`GET /webhooks/deliveries/${delivery}`],
        [`POST /webhooks/deliveries/${delivery}/resend`],
      ] as const) {
        assertChatbot(await there.call(route, sent), 404);
      }
      for (const route of [
        `GET /v1/triggers/${id}`,
        `DELETE /v1/triggers/${id}`,
        `GET /v1/triggers/${id}/deliveries`,
      ]) {
        assertProblem(await there.call(route), 404);
      }
      assert.equal(memberOf((await here.call(`GET /webhooks/${id}`)).json(), 'isActive'), true);
      assert.equal((await here.call(`GET /webhooks/deliveries/${delivery}`)).status, 200);
    });

    test('pages lead from one to the next', async () => {
      const paged = await workspaceWithHooks(stack(), owner);
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.push((await paged.subscribe({ url: NOWHERE, events: ['x'] })).id);
      const seen: string[] = [];
      for (let query = '?limit=2'; query !== ''; ) {
        const page = await paged.call(`GET /webhooks${query}`);
        assert.equal(page.status, 200, page.text);
        const shown: unknown = page.json();
        assert.ok(Array.isArray(shown));
        seen.push(...shown.map(({ id }) => id));
        query = /^<(.*)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1] ?? '';
      }
      assert.deepEqual(seen, ids);
      const first = await paged.call('GET /v1/triggers?limit=3');
      const cursor = textAt(first.json(), 'nextCursor');
      const rest = await paged.call(`GET /v1/triggers?limit=3&cursor=${encodeURIComponent(cursor)}`);
      assert.equal(memberOf(rest.json(), 'triggers', 0, 'id'), ids[3]);
      assert.equal(memberOf(rest.json(), 'nextCursor'), null);
    });
  },
  { mail: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true', AUTH_RATE_LIMIT_PER_MINUTE: '0' } },
);
