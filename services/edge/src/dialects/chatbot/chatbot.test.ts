import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchDialect, KEYS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { chatbotDialect } from './routes.ts';

const BODY = '{"event":"message.received","data": {"n": 12345678901234567890,  "f":1.10}}';
const headers = { 'x-api-key': KEYS.writer };

function bench() {
  const dialect = benchDialect(chatbotDialect);
  return {
    ...dialect,
    send: (request: object) => dialect.send('POST', '/webhooks/trigger', { headers, ...request }),
  };
}

test('202: an event as every other, its data byte for byte', async () => {
  const { send, events } = bench();
  const { status, body } = await send({ body: BODY });
  const [event = assert.fail()] = events;
  assert.deepEqual([status, body], [202, { id: event.eventId }]);
  const { workspaceId, eventType, dialect, payload, metadata, identity } = event;
  assert.deepEqual([workspaceId, eventType, dialect], [WORKSPACE_ID, 'message.received', 'chatbot']);
  assert.equal(payload, '{"n": 12345678901234567890,  "f":1.10}');
  assert.deepEqual([metadata, identity], ['{}', undefined]);
});

test('202: without data there is an empty object; unknown fields are dropped', async () => {
  const { send, events } = bench();
  for (const body of [{ event: 'a' }, { event: 'a', data: null }, { event: 'a', more: 1 }]) {
    assert.equal((await send({ body })).status, 202);
  }
  assert.deepEqual(
    events.map(({ payload }) => payload),
    ['{}', '{}', '{}'],
  );
});

test('an Idempotency-Key: a retry has the first copy’s id, another body is 409', async () => {
  const { send } = bench();
  const keyed = { headers: { ...headers, 'idempotency-key': 'k' } };
  const first = await send({ ...keyed, body: BODY });
  const again = await send({ ...keyed, body: BODY });
  assert.deepEqual([again.status, again.body], [202, first.body]);
  const other = await send({ ...keyed, body: { event: 'other' } });
  assert.deepEqual([other.status, Object(other.body).code], [409, 'CONFLICT']);
  const bad = await send({ headers: { ...headers, 'idempotency-key': ' ' }, body: BODY });
  assert.deepEqual(Object(bad.body).message, ['Idempotency-Key: must be 1 to 255 visible ASCII characters']);
});

test('400: what is wrong is named and counted', async () => {
  const { send, events, rejected } = bench();
  for (const [body, message] of [
    [{}, 'event is required'],
    [{ event: '' }, 'event: String must contain at least 1 character(s)'],
    [{ event: 'a\nb' }, 'event: must not contain control characters'],
    [{ event: 'a', data: [] }, 'data: Expected object, received array'],
  ] as const) {
    const answer = await send({ body });
    assert.deepEqual([answer.status, Object(answer.body).message], [400, [message]]);
  }
  assert.equal((await send({ body: '{' })).status, 400);
  assert.equal(events.length, 0);
  assert.deepEqual(rejected, [...Array(4).fill('chatbot invalid'), 'chatbot malformed_json']);
});

test('403: who may only look after endpoints makes no events; 503: one that is not durable', async () => {
  const dialect = bench();
  const refused = await dialect.send({ headers: { 'x-api-key': KEYS.reader }, body: BODY });
  assert.deepEqual([refused.status, Object(refused.body).code], [403, 'FORBIDDEN']);
  const away = benchDialect(chatbotDialect);
  away.answer = () => ({ kind: 'unavailable' });
  const { status, reply } = await away.send('POST', '/webhooks/trigger', { headers, body: BODY });
  assert.deepEqual([status, reply.headers], [503, ['retry-after', '1']]);
});
