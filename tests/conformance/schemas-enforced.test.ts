import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService, EventStatus } from '@millrace/contracts/millrace/api/v1/event';
import { httpCall as callAdmin, onEachTopology, untilPushed } from '@millrace/testkit';
import { assertJson, memberOf } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { openIssuer } from './support/issue-credential.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

const SCHEMA = {
  type: 'object',
  required: ['user'],
  properties: { user: { type: 'object', properties: { age: { type: 'integer', minimum: 0 } } } },
};
const BAD = { user: { age: -1 } };
const ISSUE = '/user/age must be >= 0 (minimum)';

onEachTopology(
  'schemas: what events are held to',
  (stack) => {
    const ownKey = () => stack().connection.credentials.apiKey;

    const ask = (
      method: string,
      path: string,
      {
        key = ownKey(),
        body,
        headers,
      }: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
    ) =>
      httpCall(`${stack().connection.url}${path}`, {
        method,
        headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    const register = async (name: string, body: object = { schema: SCHEMA }) => {
      const answer = await ask('PUT', `/v1/schemas/${encodeURIComponent(name)}`, { body });
      assert.ok(answer.status === 200 || answer.status === 201, answer.text);
      return answer;
    };

    /** The workflow API's answer to an event. */
    const send = (name: string, payload: object, key = ownKey()) =>
      httpCall(`${stack().connection.url}/api/v1/events`, {
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name, payload }),
      });

    test('400: an event of the workflow API that violates its schema is not stored', async () => {
      const name = `enforced.${randomUUID()}`;
      await register(name);
      assertJson(await send(name, BAD), 400, {
        success: false,
        error: {
          code: 'validation_error',
          message: 'Invalid event format',
          details: { field: 'payload.user.age', issue: ISSUE },
        },
      });
      const accepted = await send(name, { user: { age: 1 } });
      assert.equal(accepted.status, 202, accepted.text);
      await storedEvent(stack(), { eventId: String(memberOf(accepted.json(), 'event_id')) });
      assert.equal(await countSettled(stack(), { eventType: name }), 1);
    });

    test('202: an event without a schema is taken as it comes', async () => {
      assert.equal((await send(`free.${randomUUID()}`, BAD)).status, 202);
    });

    test('202: observe lets a violation pass and counts it', async () => {
      const name = `observed.${randomUUID()}`;
      await register(name, { schema: SCHEMA, mode: 'observe' });
      const before = await violations('observe');
      assert.equal((await send(name, BAD)).status, 202);
      assert.equal(await countSettled(stack(), { eventType: name }), 1);
      assert.equal(await violations('observe'), before + 1);
    });

    test('a change, and a removal, take effect', async (t) => {
      const name = `changing.${randomUUID()}`;
      await register(name);
      assert.equal((await send(name, BAD)).status, 400);
      await register(name, { schema: { type: 'object' } });
      await untilPushed(t, 'loosened', async () => assert.equal((await send(name, BAD)).status, 202));
      await register(name);
      await untilPushed(t, 'tightened', async () => assert.equal((await send(name, BAD)).status, 400));
      await ask('DELETE', `/v1/schemas/${name}`);
      await untilPushed(t, 'removed', async () => assert.equal((await send(name, BAD)).status, 202));
    });

    test('another workspace neither sees the schema nor is held to it', async () => {
      const name = `mine.${randomUUID()}`;
      await register(name);
      const issuer = openIssuer(stack());
      const workspaceId = await issuer.createWorkspace();
      const key = await issuer.issue({ workspaceId, permissions: ['*'] });
      assert.equal((await send(name, BAD, key)).status, 202);
      assertJson(await ask('GET', '/v1/schemas', { key }), 200, { schemas: [] });
      for (const path of [`/v1/schemas/${name}`, `/v1/schemas/${name}/versions`]) {
        assert.equal((await ask('GET', path, { key })).status, 404);
      }
      assert.equal((await ask('DELETE', `/v1/schemas/${name}`, { key })).status, 404);
      assert.equal((await send(name, BAD)).status, 400);
    });

    test('400: an analytics batch with one bad event is refused as a whole', async () => {
      const eventType = `batch.${randomUUID()}`;
      await register(eventType);
      const event = (payload: object) => ({
        eventType,
        userId: 'u',
        sessionId: 's',
        timestamp: new Date().toISOString(),
        priority: 1,
        payload,
      });
      const body = { events: [event({ user: {} }), event(BAD)] };
      const answer = await ask('POST', '/api/v1/events/batch', { body });
      const message = `Invalid event at index 1: payload.user.age: ${ISSUE}`;
      assert.deepEqual([answer.status, memberOf(answer.json(), 'error', 'message')], [400, message]);
      assert.equal(await countSettled(stack(), { eventType }), 0);
    });

    test('400: an external event', async () => {
      const type = `external.${randomUUID()}`;
      await register(type);
      const { url, workspaceId, credentials } = stack().connection;
      const answer = await httpCall(`${url}/api/external-event/${workspaceId}`, {
        headers: {
          authorization: `Bearer ${credentials.apiKey}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ type, payload: BAD }),
      });
      const error = { code: 'INVALID_INPUT', message: `payload.user.age: ${ISSUE}` };
      assertJson(answer, 400, { success: false, error });
    });

    test('400: e-mails, by the fields of their own', async () => {
      await register('email', { schema: { properties: { domain: { const: 'good.example' } } } });
      const answer = await ask('POST', '/email', { body: { email_id: randomUUID(), domain: 'bad.example' } });
      assertJson(answer, 400, {
        status: 'error',
        message: 'Invalid email event schema',
        errors: [{ code: 'const', message: '/domain must be equal to constant (const)', path: ['domain'] }],
      });
      await ask('DELETE', '/v1/schemas/email');
    });

    test('207: native events and CloudEvents fail alone', async () => {
      const type = `alone.${randomUUID()}`;
      await register(type);
      const good = randomUUID();
      const answer = await ask('POST', '/v1/ingest', {
        body: [
          { id: 'bad', type, payload: BAD },
          { id: good, type, payload: { user: {} } },
        ],
      });
      assert.equal(answer.status, 207, answer.text);
      assert.deepEqual(memberOf(answer.json(), 'results'), [
        { index: 0, id: 'bad', status: 'invalid', error: { field: 'payload.user.age', issue: ISSUE } },
        { index: 1, id: good, status: 'accepted' },
      ]);
      const cloud = (id: string, data: object) => ({ specversion: '1.0', id, source: '/a', type, data });
      const batch = await ask('POST', '/cloudevents', {
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: [cloud('bad', BAD), cloud(randomUUID(), { user: {} })],
      });
      assert.equal(batch.status, 207, batch.text);
      assert.deepEqual(memberOf(batch.json(), 'results', 0, 'error'), {
        field: 'data.user.age',
        issue: ISSUE,
      });
      assert.equal(await countSettled(stack(), { eventType: type }), 2);
    });

    test('EventService: an event fails alone, in a call and in a stream', async () => {
      const type = `rpc.${randomUUID()}`;
      await register(type);
      const { url } = stack().connection;
      const client = createClient(EventService, createGrpcTransport({ baseUrl: url }));
      const headers = { authorization: `Bearer ${ownKey()}` };
      const data = (value: object) => ({
        case: 'payloadJson' as const,
        value: new TextEncoder().encode(JSON.stringify(value)),
      });
      const events = [
        { id: 'bad', type, data: data(BAD) },
        { id: randomUUID(), type, data: data({ user: {} }) },
      ];
      const unary = await client.ingest({ events }, { headers });
      const streamed = await client.ingestStream(
        (async function* () {
          yield { events: [{ id: 'bad', type, data: data(BAD) }] };
          yield { events: [{ id: randomUUID(), type, data: data({ user: {} }) }] };
        })(),
        { headers },
      );
      for (const { results } of [unary, streamed]) {
        assert.deepEqual(
          results.map(({ status }) => status),
          [EventStatus.INVALID, EventStatus.ACCEPTED],
        );
        assert.deepEqual([results[0]?.id, results[0]?.error?.field], ['bad', 'payload.user.age']);
        assert.equal(results[0]?.error?.issue, ISSUE);
      }
      assert.equal(await countSettled(stack(), { eventType: type }), 2);
    });

    async function violations(mode: string): Promise<number> {
      // The admin port is no published API, and in no document.
      const { text } = await callAdmin(`${stack().connection.adminUrl}/metrics`, { method: 'GET' });
      const sample = text
        .split('\n')
        .find(
          (line) => line.startsWith(`millrace_schema_violations_total{`) && line.includes(`mode="${mode}"`),
        );
      return Number(sample?.split(' ').at(-1) ?? 0);
    }
  },
  { mail: true },
);
