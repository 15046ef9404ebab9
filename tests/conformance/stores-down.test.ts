import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import {
  eventually,
  freeze,
  type HttpAnswer,
  isFrozen,
  onEachTopology,
  type TestStack,
} from '@millrace/testkit';
import { memberOf } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { storedEvent } from './support/stored-events.ts';

/** What each dialect answers while nothing can be made durable. */
const UNAVAILABLE: readonly {
  name: string;
  send: (stack: TestStack) => Promise<HttpAnswer>;
  code: (body: unknown) => unknown;
  expected: string;
}[] = [
  {
    name: '000: CLICKHOUSE_ERROR',
    send: ({ connection: { url, workspaceId, credentials } }) =>
      post(`${url}/api/external-event/${workspaceId}`, bearer(credentials.externalEventToken), {
        type: 'down',
        payload: {},
      }),
    code: (body) => memberOf(body, 'error', 'code'),
    expected: 'CLICKHOUSE_ERROR',
  },
  {
    name: '001: unavailable',
    send: ({ connection: { url } }) => post(`${url}/api/v1/events`, bearer('dev-token'), { name: 'down' }),
    code: (body) => memberOf(body, 'error', 'code'),
    expected: 'unavailable',
  },
  {
    name: '003: INGESTION_ERROR',
    send: ({ connection: { url, credentials } }) =>
      post(`${url}/api/v1/events`, { 'x-api-key': credentials.apiKey }, analyticsEvent()),
    code: (body) => memberOf(body, 'error', 'code'),
    expected: 'INGESTION_ERROR',
  },
  {
    name: '003 batch: INGESTION_ERROR',
    send: ({ connection: { url, credentials } }) =>
      post(`${url}/api/v1/events/batch`, { 'x-api-key': credentials.apiKey }, { events: [analyticsEvent()] }),
    code: (body) => memberOf(body, 'error', 'code'),
    expected: 'INGESTION_ERROR',
  },
  {
    name: '004: error',
    send: ({ connection: { url, credentials } }) =>
      post(
        `${url}/email`,
        { 'x-api-key': credentials.emailApiKey },
        { email_id: randomUUID(), domain: 'down' },
      ),
    code: (body) => memberOf(body, 'status'),
    expected: 'error',
  },
  {
    name: '004 batch: error',
    send: ({ connection: { url, credentials } }) =>
      post(`${url}/email/batch`, { 'x-api-key': credentials.emailApiKey }, [
        { email_id: 'a', domain: 'down' },
      ]),
    code: (body) => memberOf(body, 'status'),
    expected: 'error',
  },
  {
    name: 'CloudEvents: unavailable',
    send: ({ connection: { url, credentials } }) =>
      post(
        `${url}/cloudevents`,
        { 'x-api-key': credentials.apiKey, 'content-type': 'application/cloudevents+json' },
        { specversion: '1.0', id: randomUUID(), source: '/down', type: 'down' },
      ),
    code: (body) => memberOf(body, 'code'),
    expected: 'unavailable',
  },
  {
    name: 'native: unavailable',
    send: ({ connection: { url, credentials } }) =>
      post(`${url}/v1/ingest`, { 'x-api-key': credentials.apiKey }, [{ type: 'down' }]),
    code: (body) => memberOf(body, 'code'),
    expected: 'unavailable',
  },
];

onEachTopology('while NATS does not answer', (stack) => {
  let frozenPid: number | undefined;
  const thaw = () => {
    if (frozenPid !== undefined) process.kill(frozenPid, 'SIGCONT');
    frozenPid = undefined;
  };
  after(thaw);

  test('503 in every dialect, with Retry-After, while it does not answer; afterwards all is well', async (t) => {
    // Credentials are known to the edge from here on: it is not they that shall be missed.
    for (const { name, send } of UNAVAILABLE) {
      const answer = await send(stack());
      assert.ok(answer.status >= 200 && answer.status < 300, `${name}: ${answer.text}`);
    }
    frozenPid = stack().connection.processes.find(({ name }) => name === 'nats-server')?.pid;
    assert.ok(frozenPid);
    await freeze(frozenPid);
    // The server thaws only after the last answer: none of them waited for it.
    const answers = await Promise.all(UNAVAILABLE.map(({ send }) => send(stack())));
    assert.ok(isFrozen(frozenPid), 'somebody has told nats-server to go on');
    thaw();
    for (const [i, { name, code, expected }] of UNAVAILABLE.entries()) {
      const answer = answers[i];
      await t.test(`503: ${name}`, () => {
        assert.ok(answer);
        assert.equal(answer.status, 503, answer.text);
        assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
        assert.equal(code(answer.json()), expected);
        assert.doesNotMatch(answer.text, /nats|stack|ECONN|node_modules/i, 'a cause shows');
      });
    }
    const eventId = randomUUID();
    await eventually(async () => {
      const { url, credentials } = stack().connection;
      const event = { ...analyticsEvent(), eventId };
      const answer = await post(`${url}/api/v1/events`, { 'x-api-key': credentials.apiKey }, event);
      assert.ok(answer.status < 300, answer.text);
    });
    await storedEvent(stack(), { eventId });
  });
});

describe('while ClickHouse does not answer', () => {
  onEachTopology('events are accepted', (stack) => {
    let frozenPid: number | undefined;
    after(() => frozenPid !== undefined && process.kill(frozenPid, 'SIGCONT'));

    test('202 without it, degraded health, 503 for questions; afterwards the events are there', async () => {
      const { url, credentials } = stack().connection;
      frozenPid = stack().connection.processes.find(({ name }) => name === 'clickhouse')?.pid;
      assert.ok(frozenPid);
      await freeze(frozenPid);
      const eventIds = Array.from({ length: 20 }, () => randomUUID());
      for (const eventId of eventIds) {
        const event = { ...analyticsEvent(), eventId };
        const answer = await post(`${url}/api/v1/events`, { 'x-api-key': credentials.apiKey }, event);
        assert.equal(answer.status, 202, answer.text);
      }
      const headers = { 'x-api-key': credentials.apiKey };
      const stats = await httpCall(`${url}/api/v1/events/stats`, { method: 'GET', headers });
      assert.equal(stats.status, 503, stats.text);
      await eventually(async () => {
        const health = await httpCall(`${url}/api/health`, { method: 'GET' });
        assert.equal(health.status, 200);
        assert.equal(memberOf(health.json(), 'status'), 'degraded');
        assert.equal(memberOf(health.json(), 'services', 'mongodb', 'status'), 'down');
      });
      process.kill(frozenPid, 'SIGCONT');
      frozenPid = undefined;
      for (const eventId of eventIds) await storedEvent(stack(), { eventId });
    });
  });
});

function post(url: string, headers: Readonly<Record<string, string>>, body: unknown): Promise<HttpAnswer> {
  return httpCall(url, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

function analyticsEvent() {
  return { eventType: 'down', userId: 'u', sessionId: 's', timestamp: '2024-01-30T12:34:56Z' };
}
