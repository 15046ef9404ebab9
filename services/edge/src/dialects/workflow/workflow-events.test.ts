import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { benchDialect, type DialectBench, KEYS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { eventsRoute } from '../events-route/routes.ts';
import { encodeWorkflowFailure } from './encode.ts';

const PATH = '/api/v1/events';
const JSON_HEADERS = { authorization: `Bearer ${KEYS.writer}`, 'content-type': 'application/json' };
const ACCEPTED_MESSAGE = 'Event received and queued for processing';
const ID = '01890000-0000-7000-8000-000000000001';

const post = (bench: DialectBench, body: unknown, headers: Record<string, string> = JSON_HEADERS) =>
  bench.send('POST', PATH, { headers, body });

const accepted = (id: string) => ({
  success: true,
  message: ACCEPTED_MESSAGE,
  event_id: id,
  data: { event_id: id, message: ACCEPTED_MESSAGE },
});
const refused = (field: string, issue: string) => ({
  success: false,
  error: { code: 'validation_error', message: 'Invalid event format', details: { field, issue } },
});

test('202: the basic example is stored, and answered where document and clients look', async () => {
  const bench = benchDialect(eventsRoute);
  const answer = await post(
    bench,
    `{
    "name": "user.created",
    "payload": {
      "userId": "user_123",
      "email": "user@example.com"
    }
  }`,
  );
  assert.deepEqual([answer.status, answer.body], [202, accepted(ID)]);
  assert.deepEqual(bench.events, [
    {
      workspaceId: WORKSPACE_ID,
      eventId: ID,
      eventType: 'user.created',
      dialect: 'workflow',
      source: '',
      userId: '',
      sessionId: '',
      occurredAtMs: Date.UTC(2024, 0, 30, 12, 35),
      receivedAtMs: Date.UTC(2024, 0, 30, 12, 35),
      priority: 1,
      labels: [],
      payload: `{
      "userId": "user_123",
      "email": "user@example.com"
    }`,
      metadata: '{}',
      traceId: '',
      identity: undefined,
    },
  ]);
});

test('202: the complex example keeps its numbers as they came', async () => {
  const bench = benchDialect(eventsRoute);
  const payload =
    '{"orderId": "order_456", "items": [{"productId": "prod_001", "quantity": 2, "price": 25.00}], "totalAmount": 50.00}';
  assert.equal((await post(bench, `{"name": "order.created", "payload": ${payload}}`)).status, 202);
  assert.equal(bench.events[0]?.payload, payload);
});

test('202: an event without payload, or with null as the Go client may send, has an empty one', async () => {
  const bench = benchDialect(eventsRoute);
  assert.equal((await post(bench, { name: 'system.maintenance' })).status, 202);
  assert.equal((await post(bench, { name: 'system.maintenance', payload: null })).status, 202);
  assert.deepEqual(
    bench.events.map((event) => event.payload),
    ['{}', '{}'],
  );
});

test('400: a missing name is told as the document tells it', async () => {
  const bench = benchDialect(eventsRoute);
  for (const body of [{}, { payload: {} }, { name: '' }, { name: null }]) {
    const answer = await post(bench, body);
    assert.deepEqual([answer.status, answer.body], [400, refused('name', 'field is required')]);
  }
  assert.deepEqual(bench.events, []);
  assert.deepEqual(new Set(bench.rejected), new Set(['workflow invalid']));
});

test('400: what else may be wrong names the field', async () => {
  const bench = benchDialect(eventsRoute);
  const cases: [unknown, string, string][] = [
    [{ name: 5 }, 'name', 'must be a string'],
    [{ name: 'a'.repeat(256) }, 'name', 'must have at most 255 characters'],
    [{ name: 'a\nb' }, 'name', 'must not contain control characters'],
    [{ name: 'a', payload: 'text' }, 'payload', 'must be an object'],
    [{ name: 'a', payload: [1] }, 'payload', 'must be an object'],
    ['[]', 'body', 'must be an object'],
    ['', 'body', 'The request body is empty'],
    ['{"name":', 'body', 'The request body is not valid JSON: unexpected end'],
    [
      '{"name":"a","payload":{"b":["\\u0000"]}}',
      'payload.b[0]',
      'NUL character (\\u0000) is not allowed at position 29',
    ],
  ];
  for (const [body, field, issue] of cases) {
    const answer = await post(bench, body);
    assert.deepEqual([answer.status, answer.body], [400, refused(field, issue)]);
  }
  assert.equal((await post(bench, { name: 'a'.repeat(255) })).status, 202);
});

test('401, 403: a token that is missing, wrong, or may not write', async () => {
  const bench = benchDialect(eventsRoute);
  const code = async (headers: Record<string, string>) => {
    const { status, body } = await post(bench, { name: 'a' }, headers);
    return [status, body];
  };
  const error = (name: string, message: string) => ({ success: false, error: { code: name, message } });
  const required = error('unauthorized', 'Authorization header with a Bearer token is required');
  const wrong = error('unauthorized', 'Invalid or expired token');
  assert.deepEqual(await code({}), [401, required]);
  assert.deepEqual(await code({ authorization: 'Bearer unknown' }), [401, wrong]);
  assert.deepEqual(await code({ authorization: 'Basic dXNlcg==' }), [401, wrong]);
  const lacking = error('forbidden', 'Insufficient permissions: events:write is required');
  assert.deepEqual(await code({ authorization: `Bearer ${KEYS.reader}` }), [403, lacking]);
  assert.deepEqual(bench.events, []);
});

test('a retry under the same Idempotency-Key is answered with the first id', async () => {
  const bench = benchDialect(eventsRoute);
  const headers = { ...JSON_HEADERS, 'idempotency-key': 'order-1' };
  for (let i = 0; i < 2; i++) {
    const answer = await post(bench, { name: 'a' }, headers);
    assert.deepEqual([answer.status, answer.body], [202, accepted(ID)]);
  }
  assert.deepEqual(bench.events[0]?.identity, { scope: 'workflow', id: 'order-1', content: '{"name":"a"}' });
  const other = await post(bench, { name: 'a' }, { ...headers, 'idempotency-key': 'order-2' });
  assert.notDeepEqual(other.body, accepted(ID));
});

test('409: another body under the same Idempotency-Key, which is not stored', async () => {
  const bench = benchDialect(eventsRoute);
  const headers = { ...JSON_HEADERS, 'idempotency-key': 'order-1' };
  await post(bench, { name: 'a' }, headers);
  const answer = await post(bench, { name: 'b' }, headers);
  const message = 'Another event was accepted before under this Idempotency-Key';
  assert.deepEqual(
    [answer.status, answer.body],
    [409, { success: false, error: { code: 'conflict', message } }],
  );
});

test('400: an Idempotency-Key is 1 to 255 visible ASCII characters', async () => {
  const bench = benchDialect(eventsRoute);
  for (const key of ['', 'a b', 'ü', 'a'.repeat(256)]) {
    const answer = await post(bench, { name: 'a' }, { ...JSON_HEADERS, 'idempotency-key': key });
    const issue = 'must be 1 to 255 visible ASCII characters';
    assert.deepEqual([answer.status, answer.body], [400, refused('Idempotency-Key', issue)]);
  }
});

test('413, 415: a body too large, or not JSON', async () => {
  const bench = benchDialect(eventsRoute);
  const large = await post(bench, { name: 'a', payload: { text: 'x'.repeat(1024 * 1024) } });
  assert.equal(large.status, 413);
  const form = await post(bench, 'name=a', {
    ...JSON_HEADERS,
    'content-type': 'application/x-www-form-urlencoded',
  });
  assert.equal(form.status, 415);
  assert.deepEqual(form.body, {
    success: false,
    error: { code: 'unsupported_media_type', message: 'Content-Type must be application/json' },
  });
});

test('503 and 500 say no more than that, and when to come back', async () => {
  const bench = benchDialect(eventsRoute);
  const unavailable = {
    success: false,
    error: { code: 'unavailable', message: 'Service temporarily unavailable' },
  };
  bench.answer = () => ({ kind: 'unavailable' });
  const away = await post(bench, { name: 'a' });
  assert.deepEqual([away.status, away.body, away.reply.headers], [503, unavailable, ['retry-after', '1']]);
  bench.answer = () => {
    throw new MillraceError('unavailable', 'nats: no responders');
  };
  assert.deepEqual((await post(bench, { name: 'a' })).body, unavailable);
  bench.answer = () => {
    throw new Error('secret');
  };
  const broken = await post(bench, { name: 'a' });
  assert.equal(broken.status, 500);
  assert.deepEqual(broken.body, {
    success: false,
    error: { code: 'internal_error', message: 'Internal server error' },
  });
});

test('429 tells when to come back', () => {
  const reply = encodeWorkflowFailure({ kind: 'rate_limited', retryAfterSeconds: 7 });
  assert.deepEqual(reply, {
    status: 429,
    body: '{"success":false,"error":{"code":"rate_limited","message":"Too many requests"}}',
    headers: ['retry-after', '7'],
  });
});

test('a traceparent gives the event its trace', async () => {
  const bench = benchDialect(eventsRoute);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await bench.send('POST', PATH, { headers: JSON_HEADERS, body: { name: 'a' }, traceparent });
  assert.equal(bench.events[0]?.traceId, '0af7651916cd43dd8448eb211c80319c');
});
