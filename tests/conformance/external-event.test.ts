import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { type HttpAnswer, onStandalone } from '@millrace/testkit';
import { assertJson, assertJsonType, memberOf, textAt } from './support/assert-answer.ts';
import { example, exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { runScript } from './support/run-script.ts';
import { countSettled, findEvents, storedEvent } from './support/stored-events.ts';

onStandalone(
  '000 external-event',
  (stack) => {
    let issuer: Issuer;
    before(() => {
      issuer = openIssuer(stack());
    });

    const send = (
      body: string,
      { token, workspace, prefix = '/api' }: { token?: string; workspace?: string; prefix?: string } = {},
    ) => {
      const { url, workspaceId, credentials } = stack().connection;
      return httpCall(`${url}${prefix}/external-event/${workspace ?? workspaceId}`, {
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token ?? credentials.externalEventToken}`,
        },
        body,
      });
    };

    test('201: the documented request answers the documented body and is stored as it came', async () => {
      const sentAtMs = Date.now();
      assertJson(
        await send(example('external-event/request.json')),
        201,
        exampleJson('external-event/success.json'),
      );
      const row = await storedEvent(stack(), { eventType: 'event_type' });
      assert.equal(row.dialect, 'external-event');
      assert.equal(row.workspaceId, stack().connection.workspaceId);
      assert.equal(row.payload, example('external-event/request.json').match(/"payload": (\{[^}]*\})/)?.[1]);
      assert.equal(row.priority, 1);
      assert.ok(row.receivedAtMs >= sentAtMs && row.receivedAtMs <= Date.now());
    });

    test('201: the path without /api is the same route', async () => {
      assertJson(await send('{"type":"no.prefix","payload":{}}', { prefix: '' }), 201, { success: true });
      await storedEvent(stack(), { eventType: 'no.prefix' });
    });

    test('the documented fetch call works with its base URL, workspace and token replaced', async () => {
      const { url, workspaceId, credentials } = stack().connection;
      const code = example('external-event/usage.ts.txt')
        .replace('https://api.twenty.com', url)
        .replace('your-secure-token-from-graphql-mutation', credentials.externalEventToken);
      await runScript({ language: 'node', code: `const workspaceId = '${workspaceId}';\n${code}` });
      const row = await storedEvent(stack(), { eventType: 'custom.event' });
      assert.deepEqual(JSON.parse(row.payload), {
        sourceSystem: 'my-app',
        action: 'user.clicked',
        metadata: { page: 'dashboard' },
      });
    });

    test('the view externalEvent has the documented columns', async () => {
      const sentAtMs = Date.now();
      const payload = '{"big": 9007199254740993, "spaced" :  [1.50, 1e3]}';
      await send(`{"payload":${payload},"type":"view.check"}`);
      await storedEvent(stack(), { eventType: 'view.check' });
      const rows = await stack().inspector.rows(
        "SELECT *, toUnixTimestamp64Milli(createdAt) AS ms FROM millrace.externalEvent WHERE type = 'view.check'",
      );
      assert.equal(rows.length, 1);
      const { createdAt, ms, ...rest } = rows[0] ?? {};
      assert.deepEqual(rest, { workspaceId: stack().connection.workspaceId, type: 'view.check', payload });
      assert.match(String(createdAt), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
      assert.ok(Number(ms) >= sentAtMs);
    });

    test('the same event twice is two events: the document knows no id', async () => {
      for (let i = 0; i < 2; i++)
        assertJson(await send('{"type":"twice","payload":{}}'), 201, { success: true });
      assert.equal(await countSettled(stack(), { eventType: 'twice' }), 2);
      const [first, second] = await findEvents(stack(), { eventType: 'twice' });
      assert.notEqual(first?.eventId, second?.eventId);
    });

    describe('errors', () => {
      const invalid: readonly { name: string; body: string; field: string }[] = [
        { name: 'no type', body: '{"payload":{}}', field: 'type' },
        { name: 'an empty type', body: '{"type":"","payload":{}}', field: 'type' },
        { name: 'a type that is a number', body: '{"type":7,"payload":{}}', field: 'type' },
        { name: 'no payload', body: '{"type":"a"}', field: 'payload' },
        { name: 'a payload that is text', body: '{"type":"a","payload":"b"}', field: 'payload' },
        { name: 'a payload that is an array', body: '{"type":"a","payload":[]}', field: 'payload' },
        { name: 'a payload that is null', body: '{"type":"a","payload":null}', field: 'payload' },
      ];
      for (const { name, body, field } of invalid) {
        test(`400: ${name} answers INVALID_INPUT`, async () => {
          assertError(await send(body), 400, 'INVALID_INPUT', new RegExp(field));
        });
      }

      test('401: a missing token answers INVALID_AUTH', async () => {
        const { url, workspaceId } = stack().connection;
        const answer = await httpCall(`${url}/api/external-event/${workspaceId}`, {
          headers: { 'content-type': 'application/json' },
          body: example('external-event/request.json'),
        });
        assertError(answer, 401, 'INVALID_AUTH');
      });

      for (const token of ['0'.repeat(64), 'a4f68c37-1e9d-4f8b-b20e-123456789abc', 'x'.repeat(2000)]) {
        test(`401: an unknown token of ${token.length} characters answers INVALID_AUTH`, async () => {
          assertError(await send(example('external-event/request.json'), { token }), 401, 'INVALID_AUTH');
        });
      }

      test('401: the path of another workspace answers INVALID_AUTH, whether or not it exists', async () => {
        const existing = await issuer.createWorkspace();
        for (const workspace of [
          existing,
          randomUUID(),
          'x',
          '%2e%2e',
          '%00',
          encodeURIComponent("' OR 1=1"),
        ]) {
          const answer = await send('{"type":"elsewhere","payload":{}}', { workspace });
          assertError(answer, 401, 'INVALID_AUTH');
        }
        assert.equal(await countSettled(stack(), { eventType: 'elsewhere' }), 0);
        assert.equal(await countSettled(stack(), { eventType: 'elsewhere', workspaceId: existing }), 0);
      });

      test("404: a path that can not be decoded is nobody's", async () => {
        const answer = await send('{"type":"elsewhere","payload":{}}', { workspace: '%zz' });
        assert.equal(answer.status, 404, answer.text);
        assertJsonType(answer);
      });

      test("201: another workspace's token writes there and nowhere else", async () => {
        const workspaceId = await issuer.createWorkspace();
        const token = await issuer.issueExternalEventToken(workspaceId);
        assert.match(token, /^[0-9a-f]{64}$/);
        const answer = await send('{"type":"neighbour","payload":{}}', { token, workspace: workspaceId });
        assertJson(answer, 201, { success: true });
        await storedEvent(stack(), { eventType: 'neighbour', workspaceId });
        assert.equal(await countSettled(stack(), { eventType: 'neighbour' }), 0);
      });
    });
  },
  { mail: true },
);

/** The documented shape, and nothing else in it. */
function assertError(answer: HttpAnswer, status: number, code: string, message = /./): void {
  assert.equal(answer.status, status, answer.text);
  assertJsonType(answer);
  const body = answer.json();
  const text = textAt(body, 'error', 'message');
  assert.deepEqual(body, { success: false, error: { code, message: text } });
  assert.match(text, message);
  assert.equal(memberOf(body, 'error', 'code'), code);
}
