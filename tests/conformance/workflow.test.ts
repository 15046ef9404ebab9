import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { type HttpAnswer, onStandalone } from '@millrace/testkit';
import { assertJson, assertJsonType, textAt, UUID_V7 } from './support/assert-answer.ts';
import { example, exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { runScript } from './support/run-script.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

const ACCEPTED = 'Event received and queued for processing';

onStandalone('001 workflow', (stack) => {
  let issuer: Issuer;
  before(() => {
    issuer = openIssuer(stack());
  });

  const send = (body: string, headers: Record<string, string> = {}) =>
    httpCall(`${stack().connection.url}/api/v1/events`, {
      headers: { authorization: 'Bearer test-token', 'content-type': 'application/json', ...headers },
      body,
    });

  describe('the documented calls of curl', () => {
    const examples = [
      {
        file: 'basic-event',
        name: 'user.created',
        payload: '{\n      "userId": "user_123",\n      "email": "user@example.com"\n    }',
      },
      {
        file: 'complex-event',
        name: 'order.created',
        payload: /"payload": (\{.*\})\s*\}'/s.exec(example('workflow/complex-event.sh.txt'))?.[1] ?? '',
      },
      { file: 'event-without-payload', name: 'system.maintenance', payload: '{}' },
    ];
    for (const { file, name, payload } of examples) {
      test(`202: ${file} answers the documented body and is stored byte for byte`, async () => {
        const eventId = assertAccepted(await curl(`workflow/${file}.sh.txt`));
        const row = await storedEvent(stack(), { eventId });
        assert.equal(row.eventType, name);
        assert.equal(row.dialect, 'workflow');
        assert.equal(row.payload, payload);
        assert.equal(row.workspaceId, stack().connection.workspaceId);
      });
    }

    test('200: the health check answers', async () => {
      const answer: unknown = JSON.parse(await curl('workflow/health.sh.txt'));
      assert.equal(textAt(answer, 'status'), 'healthy');
    });

    const curl = (file: string) => {
      const code = example(file)
        .replaceAll('http://localhost:8080', stack().connection.url)
        .replace('curl -X', 'curl --silent --show-error -X');
      return runScript({ language: 'bash', code });
    };
  });

  test('202: the documented schema of a request is itself a request', async () => {
    const answer = await send(example('workflow/request-schema.json'));
    assert.equal(answer.status, 202, answer.text);
    const row = await storedEvent(stack(), { eventId: assertAccepted(answer.text) });
    assert.deepEqual([row.eventType, row.payload], ['string', '{}']);
  });

  test('202: the answer has every documented member', async () => {
    const answer = await send('{"name":"members"}');
    assertJsonType(answer);
    const documented = Object.keys(Object(exampleJson('workflow/success.json')));
    for (const name of documented) assert.ok(Object.hasOwn(Object(answer.json()), name), name);
  });

  test('202: dev-token and test-token both work in development', async () => {
    for (const token of ['dev-token', 'test-token']) {
      const answer = await send('{"name":"token.check"}', { authorization: `Bearer ${token}` });
      assert.equal(answer.status, 202, answer.text);
    }
  });

  test('the documented retrying sender returns the id', async () => {
    const code = example('workflow/retry.js.txt').replace('http://localhost:8080', stack().connection.url);
    const call = `\nconsole.log(await sendEventWithRetry('user.updated', { userId: 'user_123' }));`;
    const eventId = (await runScript({ language: 'node', code: code + call })).trim();
    assert.match(eventId, UUID_V7);
    await storedEvent(stack(), { eventId });
  });

  test('the documented retrying sender gives up at once on a client error', async () => {
    const code = example('workflow/retry.js.txt').replace('http://localhost:8080', stack().connection.url);
    const call = `\nawait sendEventWithRetry('', {}, 1).catch((error) => console.log(error.message));`;
    const said = await runScript({ language: 'node', code: code + call });
    assert.equal(said.trim(), 'Client error: Invalid event format');
  });

  test('202: an Idempotency-Key makes a retry one event with one id', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = '{"name":"idempotent","payload":{"n":1}}';
    const ids = new Set<string>();
    for (let i = 0; i < 3; i++) ids.add(assertAccepted((await send(body, headers)).text));
    assert.equal(ids.size, 1);
    assert.equal(await countSettled(stack(), { eventType: 'idempotent' }), 1);
  });

  test('409: another body under a used Idempotency-Key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    assertAccepted((await send('{"name":"conflicting","payload":{"n":1}}', headers)).text);
    const answer = await send('{"name":"conflicting","payload":{"n":2}}', headers);
    assert.equal(answer.status, 409, answer.text);
    assert.equal(JSON.parse(answer.text).error.code, 'conflict');
    assert.equal(await countSettled(stack(), { eventType: 'conflicting' }), 1);
  });

  test('202: without one the same event twice is two events', async () => {
    for (let i = 0; i < 2; i++) await send('{"name":"no.key"}');
    assert.equal(await countSettled(stack(), { eventType: 'no.key' }), 2);
  });

  describe('errors', () => {
    test('400: a missing name answers the documented body', async () => {
      assertJson(await send('{"payload":{}}'), 400, exampleJson('workflow/validation-error.json'));
    });

    const invalid = [
      { name: 'an empty name', body: '{"name":""}', field: 'name' },
      { name: 'a name that is a number', body: '{"name":5}', field: 'name' },
      { name: 'a payload that is text', body: '{"name":"a","payload":"b"}', field: 'payload' },
      { name: 'a payload that is an array', body: '{"name":"a","payload":[1]}', field: 'payload' },
      { name: 'no object', body: '[]', field: 'body' },
      { name: 'no JSON', body: '{"name":', field: 'body' },
      { name: 'no body', body: '', field: 'body' },
    ];
    for (const { name, body, field } of invalid) {
      test(`400: ${name} answers validation_error`, async () => {
        const answer = await send(body);
        const issue = textAt(answer.json(), 'error', 'details', 'issue');
        const error = {
          code: 'validation_error',
          message: 'Invalid event format',
          details: { field, issue },
        };
        assertJson(answer, 400, { success: false, error });
      });
    }

    const unauthorized = { none: '', basic: 'Basic dGVzdA==', unknown: 'Bearer nonsense', empty: 'Bearer ' };
    for (const [name, authorization] of Object.entries(unauthorized)) {
      test(`401: ${name} for an Authorization header answers unauthorized`, async () => {
        const { url } = stack().connection;
        const headers = { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) };
        const answer = await httpCall(`${url}/api/v1/events`, { headers, body: '{"name":"a"}' });
        assertError(answer, 401, 'unauthorized');
      });
    }

    test('403: a token without events:write answers forbidden', async () => {
      const token = await issuer.issue({ permissions: ['events:read'] });
      const answer = await send('{"name":"forbidden"}', { authorization: `Bearer ${token}` });
      assertError(answer, 403, 'forbidden', /events:write/);
      assert.equal(await countSettled(stack(), { eventType: 'forbidden' }), 0);
    });
  });
});

/** The id of an answer that must be exactly the documented success and its repetition for the documented clients. */
function assertAccepted(text: string): string {
  const body: unknown = JSON.parse(text);
  const id = textAt(body, 'event_id');
  assert.match(id, UUID_V7);
  const data = { event_id: id, message: ACCEPTED };
  assert.deepEqual(body, { success: true, message: ACCEPTED, event_id: id, data });
  return id;
}

function assertError(answer: HttpAnswer, status: number, code: string, message = /./): void {
  const text = textAt(answer.json(), 'error', 'message');
  assertJson(answer, status, { success: false, error: { code, message: text } });
  assert.match(text, message);
}
