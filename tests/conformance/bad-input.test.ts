import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { type HttpAnswer, onEachTopology } from '@millrace/testkit';
import { badRequests } from './support/bad-bodies.ts';
import { httpCall } from './support/http-call.ts';
import { INGEST_ROUTES, type IngestRoute } from './support/ingest-routes.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { countSettled, settle } from './support/stored-events.ts';

onEachTopology(
  'bad input',
  (stack) => {
    let issuer: Issuer;
    let rowsBefore = 0;
    before(async () => {
      issuer = openIssuer(stack());
      rowsBefore = await countSettled(stack());
    });

    const send = (
      route: IngestRoute,
      body: string | Uint8Array,
      { headers = {}, method = 'POST', credential = route.credential(stack()) } = {},
    ): Promise<HttpAnswer> =>
      httpCall(`${stack().connection.url}${route.path(stack())}`, {
        method,
        headers: { 'content-type': route.contentType, ...route.headers?.(), ...credential, ...headers },
        body,
      });
    const goodBody = (route: IngestRoute) => route.wrap(JSON.stringify(route.event()));

    for (const route of INGEST_ROUTES) {
      describe(route.name, () => {
        for (const { what, status, body, headers, names } of badRequests(route)) {
          test(`${status}: ${what}`, async () => {
            const answer = await send(route, body, headers === undefined ? {} : { headers });
            route.assertError(answer, status, names);
          });
        }

        test('400: an empty body', async () => {
          // Of a CloudEvent in binary mode the data may be missing.
          if (route.anyContentType) return assert.equal((await send(route, '')).status, 202);
          route.assertError(await send(route, ''), 400);
          route.assertError(await send(route, ' \n '), 400);
        });

        const wrong = { 'x-api-key': `evp_${'A'.repeat(43)}` };
        const credentials: Readonly<Record<string, Readonly<Record<string, string>>>> = {
          'no credential': {},
          'another scheme': { authorization: 'Basic dXNlcjpwYXNz' },
          'an empty token': { authorization: 'Bearer' },
          'an unknown key': wrong,
          'an unknown token': { authorization: `Bearer ${'0'.repeat(64)}` },
          'an endless key': { 'x-api-key': 'k'.repeat(10_000) },
          'bytes that are no text': { 'x-api-key': '\xff\xfe\x80' },
        };
        for (const [what, credential] of Object.entries(credentials)) {
          test(`401: ${what}`, async () => {
            const answer = await send(route, goodBody(route), { credential });
            // The shared route is told apart by its headers, so without the right one the body decides.
            if (route.name.includes('(')) return assert.equal(answer.status, 401, answer.text);
            route.assertError(answer, 401);
          });
        }

        test('401 comes before 400, 413 and 415: a stranger learns nothing', async () => {
          for (const headers of [{}, { 'content-type': 'text/xml' }, { 'content-encoding': 'snappy' }]) {
            const answer = await send(route, '{', { credential: wrong, headers });
            assert.equal(answer.status, 401, answer.text);
          }
        });

        test('403: a key that may not send (401 where the document has no 403)', async () => {
          const key = await issuer.issue({ permissions: ['events:read'] });
          const header = 'authorization' in route.credential(stack()) ? 'authorization' : 'x-api-key';
          const credential = { [header]: header === 'x-api-key' ? key : `Bearer ${key}` };
          const status = route.name.startsWith('POST /email') ? 401 : 403;
          route.assertError(await send(route, goodBody(route), { credential }), status);
        });

        test('405: another method is told which there is', async () => {
          for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
            const answer = await send(route, '', { method });
            assert.equal(answer.status, 405, `${method}: ${answer.text}`);
            assert.match(answer.headers.allow ?? '', /\bPOST\b/);
            route.assertError(answer, 405);
          }
        });
      });
    }

    describe('another workspace', () => {
      test('naming it in the body or in a header does not help', async () => {
        const workspaceId = await issuer.createWorkspace();
        const names = ['workspaceId', 'workspace_id', 'workspace', 'tenant'];
        const claims = Object.fromEntries(names.map((name) => [name, workspaceId]));
        const headers = {
          'x-workspace-id': workspaceId,
          'x-millrace-workspace-id': workspaceId,
          'x-millrace-workspace': workspaceId,
        };
        for (const route of INGEST_ROUTES) {
          // An extension attribute of CloudEvents has no capitals, so there the claim would be an error of its own.
          const claimed = route.name.includes('cloudevents') ? { workspace: workspaceId } : claims;
          const body = route.wrap(JSON.stringify({ ...route.event(), ...claimed }));
          const answer = await send(route, body, { headers });
          assert.ok(answer.status >= 200 && answer.status < 300, `${route.name}: ${answer.text}`);
        }
        await settle(stack());
        const sql = 'SELECT toUInt32(count()) AS n FROM events WHERE workspace_id = {workspaceId:String}';
        assert.deepEqual(await stack().inspector.rows(sql, { workspaceId }), [{ n: 0 }]);
      });
    });

    test('404: a path that nobody has is told in JSON', async () => {
      const { url } = stack().connection;
      const paths = [
        '/',
        '/nope',
        '/api/v2',
        '/emails',
        '/../etc/passwd',
        '/%00',
        `/${randomUUID()}`,
        '/%ff',
      ];
      for (const path of paths) {
        const answer = await httpCall(`${url}${path}`, { body: '{}' });
        assert.equal(answer.status, 404, `${path}: ${answer.text}`);
        assert.equal(answer.headers['content-type'], 'application/problem+json', path);
      }
    });

    test('404: below the paths of a published API it is told in that API’s shape', async () => {
      const { url } = stack().connection;
      const shapes = {
        '/api/v1/event': { success: false, error: { code: 'NOT_FOUND', message: 'Not found' } },
        '/api/auth/nothing': { success: false, error: { code: 'NOT_FOUND', message: 'Not found' } },
        '/api/external-event': { success: false, error: { code: 'NOT_FOUND', message: 'Not found' } },
        '/external-event/a/b': { success: false, error: { code: 'NOT_FOUND', message: 'Not found' } },
        '/email/nothing': { status: 'error', message: 'Not found' },
        '/graphql/nothing': { errors: [{ message: 'Not found', extensions: { code: 'NOT_FOUND' } }] },
        '/webhooks/nothing/more': {
          statusCode: 404,
          message: 'Not found',
          error: 'Not Found',
          code: 'NOT_FOUND',
        },
      };
      for (const [path, shape] of Object.entries(shapes)) {
        const answer = await httpCall(`${url}${path}`, { body: '{}' });
        assert.equal(answer.status, 404, `${path}: ${answer.text}`);
        assert.deepEqual(answer.json(), shape, path);
      }
    });

    test('nothing of all that is stored, and nothing is parked', async () => {
      const good = INGEST_ROUTES.length + INGEST_ROUTES.filter((route) => route.anyContentType).length;
      const rows = await countSettled(stack());
      assert.ok(rows <= rowsBefore + good, `${rows - rowsBefore} rows, but only ${good} good requests`);
      const sql = 'SELECT toUInt32(count()) AS n FROM dead_letters';
      assert.deepEqual(await stack().inspector.rows(sql), [{ n: 0 }]);
    });
  },
  { mail: true },
);
