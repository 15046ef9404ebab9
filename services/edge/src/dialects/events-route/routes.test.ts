import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchDialect, KEYS } from '../../../test/dialect-harness.ts';
import type { FakeRequest } from '../../../test/fake-exchange.ts';
import { eventsRoute } from './routes.ts';

const ANALYTICS_EVENT = {
  eventType: 'click',
  userId: 'user_1',
  sessionId: 'session_1',
  timestamp: '2024-01-30T12:34:56Z',
};
const WORKFLOW_EVENT = { name: 'user.created' };
/** What both would take. */
const BOTH = { ...ANALYTICS_EVENT, ...WORKFLOW_EVENT };
const bearer = { authorization: `Bearer ${KEYS.writer}` };
const apiKey = { 'x-api-key': KEYS.writer };

/** The status, and the dialect of the event that was stored or the code of the error. */
async function send(request: FakeRequest): Promise<[number, string]> {
  const bench = benchDialect(eventsRoute);
  const { status, body } = await bench.send('POST', '/api/v1/events', request);
  const [event] = bench.events;
  if (event) return [status, event.dialect];
  const code = /"code":"(\w+)"/.exec(JSON.stringify(body))?.[1];
  return [status, code ?? 'no code'];
}

test('one header alone chooses, whatever the body', async () => {
  assert.deepEqual(await send({ headers: apiKey, body: BOTH }), [202, 'analytics']);
  assert.deepEqual(await send({ headers: bearer, body: BOTH }), [202, 'workflow']);
  assert.deepEqual(await send({ headers: apiKey, body: WORKFLOW_EVENT }), [400, 'VALIDATION_ERROR']);
  assert.deepEqual(await send({ headers: bearer, body: ANALYTICS_EVENT }), [400, 'validation_error']);
  assert.deepEqual(await send({ headers: { authorization: `bEaReR ${KEYS.writer}` }, body: BOTH }), [
    202,
    'workflow',
  ]);
});

test('with both headers the body chooses: eventType, else name, else analytics', async () => {
  const headers = { ...apiKey, ...bearer };
  assert.deepEqual(await send({ headers, body: BOTH }), [202, 'analytics']);
  assert.deepEqual(await send({ headers, body: ANALYTICS_EVENT }), [202, 'analytics']);
  assert.deepEqual(await send({ headers, body: WORKFLOW_EVENT }), [202, 'workflow']);
  for (const body of [{}, '[]', 'null', '{', '"name"']) {
    assert.deepEqual(await send({ headers, body }), [400, 'VALIDATION_ERROR'], String(body));
  }
});

test('401: two credentials that differ, in the words of the dialect that the body tells', async () => {
  for (const headers of [
    { 'x-api-key': 'unknown', ...bearer },
    { ...apiKey, authorization: 'Bearer unknown' },
  ]) {
    assert.deepEqual(await send({ headers, body: WORKFLOW_EVENT }), [401, 'unauthorized']);
    assert.deepEqual(await send({ headers, body: ANALYTICS_EVENT }), [401, 'INVALID_API_KEY']);
  }
});

test('401: without a credential the body tells in which words to say so', async () => {
  assert.deepEqual(await send({ body: ANALYTICS_EVENT }), [401, 'MISSING_API_KEY']);
  assert.deepEqual(await send({ body: WORKFLOW_EVENT }), [401, 'unauthorized']);
  assert.deepEqual(await send({ body: '{' }), [401, 'MISSING_API_KEY']);
  assert.deepEqual(await send({ headers: { authorization: 'Bearer' }, body: ANALYTICS_EVENT }), [
    401,
    'unauthorized',
  ]);
  assert.deepEqual(await send({ headers: { authorization: 'Basic eDp5' }, body: WORKFLOW_EVENT }), [
    401,
    'unauthorized',
  ]);
});

test('a failure before the choice is told in the words of the header', async () => {
  const body = `{"name":"${'x'.repeat(1024 * 1024)}"}`;
  assert.deepEqual(await send({ headers: bearer, body }), [413, 'payload_too_large']);
  assert.deepEqual(await send({ headers: apiKey, body }), [413, 'PAYLOAD_TOO_LARGE']);
});

test('401: a stranger is refused after the beginning of a body, in the words that it tells', async () => {
  const rest = 'x'.repeat(1024 * 1024);
  assert.deepEqual(await send({ body: `{"name":"${rest}"}` }), [401, 'unauthorized']);
  assert.deepEqual(await send({ body: `{"payload":{"name":1},"eventType":"${rest}"}` }), [
    401,
    'MISSING_API_KEY',
  ]);
});

test('a browser’s beacon sends either kind of event with its key in the query', async () => {
  const headers = { 'content-type': 'text/plain;charset=UTF-8' };
  const search = `key=${KEYS.writer}`;
  assert.deepEqual(await send({ headers, search, body: ANALYTICS_EVENT }), [202, 'analytics']);
  assert.deepEqual(await send({ headers, search, body: WORKFLOW_EVENT }), [202, 'workflow']);
  assert.deepEqual(await send({ headers, search: `key=${KEYS.reader}`, body: WORKFLOW_EVENT }), [
    403,
    'forbidden',
  ]);
  assert.deepEqual(await send({ headers, body: WORKFLOW_EVENT }), [401, 'unauthorized']);
});

test('a key that must be asked about is waited for', async () => {
  assert.deepEqual(await send({ headers: { 'x-api-key': KEYS.slow }, body: BOTH }), [202, 'analytics']);
  assert.deepEqual(await send({ headers: { authorization: `Bearer ${KEYS.slow}` }, body: BOTH }), [
    202,
    'workflow',
  ]);
});
