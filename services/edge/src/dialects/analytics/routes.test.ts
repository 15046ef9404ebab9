import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { benchDialect, type DialectBench, KEYS } from '../../../test/dialect-harness.ts';
import { encodeAnalyticsFailure } from './encode.ts';
import { analytics } from './routes.ts';

const HEADERS = { 'x-api-key': KEYS.writer, 'content-type': 'application/json' };
const EXAMPLE = `{
  "events": [
    {
      "eventType": "page_view",
      "userId": "user_1",
      "sessionId": "session_1",
      "timestamp": "2024-01-30T12:34:56Z"
    },
    {
      "eventType": "click",
      "userId": "user_2",
      "sessionId": "session_2",
      "timestamp": "2024-01-30T12:35:00Z"
    }
  ]
}`;
const event = (changes: Record<string, unknown> = {}) => ({
  eventType: 'click',
  userId: 'user_1',
  sessionId: 'session_1',
  timestamp: '2024-01-30T12:34:56Z',
  ...changes,
});

const post = (bench: DialectBench, body: unknown, headers: Record<string, string> = HEADERS) =>
  bench.send('POST', '/api/v1/events/batch', { headers, body });
const stats = (bench: DialectBench, headers: Record<string, string> = HEADERS) =>
  bench.send('GET', '/api/v1/events/stats', { headers });

test('202: the documented batch', async () => {
  const bench = benchDialect(analytics);
  const answer = await post(bench, EXAMPLE);
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.body, {
    success: true,
    data: {
      accepted: 2,
      duplicates: 0,
      total: 2,
      eventIds: ['evt_01890000000070008000000000000001', 'evt_01890000000070008000000000000002'],
      message: 'Batch processed successfully',
    },
  });
  assert.deepEqual(
    bench.events.map((stored) => [stored.eventType, stored.userId, stored.occurredAtMs]),
    [
      ['page_view', 'user_1', Date.UTC(2024, 0, 30, 12, 34, 56)],
      ['click', 'user_2', Date.UTC(2024, 0, 30, 12, 35)],
    ],
  );
});

test('202: duplicates are counted, and left out of eventIds; so is an id repeated within the batch', async () => {
  const bench = benchDialect(analytics);
  const events = ['evt_1', 'evt_2', 'evt_1'].map((eventId) => event({ eventId }));
  const data = (
    accepted: number,
    duplicates: number,
    total: number,
    eventIds: string[],
    message: string,
  ) => ({
    success: true,
    data: { accepted, duplicates, total, eventIds, message },
  });
  const first = await post(bench, { events });
  assert.deepEqual(first.body, data(2, 1, 3, ['evt_1', 'evt_2'], 'Batch processed successfully'));
  const again = await post(bench, { events });
  assert.equal(again.status, 202);
  assert.deepEqual(again.body, data(0, 3, 3, [], 'All events were duplicates'));
  const mixed = await post(bench, { events: [...events, event({ eventId: 'evt_3' })] });
  assert.deepEqual(mixed.body, data(1, 3, 4, ['evt_3'], 'Batch processed successfully'));
});

test('raw payload and metadata of each event are its own', async () => {
  const bench = benchDialect(analytics);
  const body = `{"other":[{"payload":{"x":0}}],"events":[${[1, 2]
    .map((n) =>
      JSON.stringify(event({ payload: { n }, metadata: {} })).replace(`{"n":${n}}`, `{ "n" : ${n}.0 }`),
    )
    .join(' , ')}]}`;
  await post(bench, body);
  assert.deepEqual(
    bench.events.map(({ payload, metadata }) => [payload, metadata]),
    [
      ['{ "n" : 1.0 }', '{}'],
      ['{ "n" : 2.0 }', '{}'],
    ],
  );
});

test('an event is the same whether it comes alone in a batch or among others', async () => {
  const bench = benchDialect(analytics);
  const one = event({ eventId: 'evt_1' });
  await post(bench, { events: [one] });
  await post(bench, { events: [event(), one] });
  assert.equal(bench.events[0]?.identity?.content, JSON.stringify(one));
  assert.deepEqual(bench.events[2]?.identity, bench.events[0]?.identity);
});

test('400: one bad event fails the whole batch, with its index in the message', async () => {
  const bench = benchDialect(analytics);
  const answer = await post(bench, {
    events: [event(), event(), event({ userId: undefined }), event({ eventType: 1 })],
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(answer.body, {
    success: false,
    error: {
      code: 'VALIDATION_ERROR',
      message: 'Invalid event at index 2: userId is required',
      details: [{ field: 'events[2].userId', code: 'invalid_type', message: 'Required' }],
    },
  });
  const text = await post(bench, { events: [event(), 'text'] });
  assert.match(JSON.stringify(text.body), /"Invalid event at index 1: Expected object, received string"/);
  assert.deepEqual(bench.events, []);
  assert.deepEqual(bench.rejected, ['analytics invalid', 'analytics invalid']);
});

test('400: a batch has 1 to 1000 events', async () => {
  const bench = benchDialect(analytics);
  const message = async (body: unknown) => {
    const answer = await post(bench, body);
    return [answer.status, /"message":"([^"]*)"/.exec(JSON.stringify(answer.body))?.[1]];
  };
  const wrong = (words: string) => [400, `Invalid event payload: ${words}`];
  assert.deepEqual(await message({ events: [] }), wrong('events: Array must contain at least 1 element(s)'));
  const many = Array.from({ length: 1001 }, () => event());
  assert.deepEqual(
    await message({ events: many }),
    wrong('events: Array must contain at most 1000 element(s)'),
  );
  assert.deepEqual(await message({}), wrong('events is required'));
  assert.deepEqual(await message({ events: {} }), wrong('events: Expected array, received object'));
  assert.deepEqual(await message([event()]), wrong('Expected object, received array'));
  assert.deepEqual(bench.events, []);
  assert.equal((await post(bench, { events: many.slice(1) })).status, 202);
});

test('503: a batch of which a part is not known to be stored is not answered 2xx', async () => {
  const bench = benchDialect(analytics);
  bench.answer = ({ eventId }) =>
    eventId === 'evt_2' ? { kind: 'unavailable' } : { kind: 'accepted', eventId };
  const answer = await post(bench, { events: [event({ eventId: 'evt_1' }), event({ eventId: 'evt_2' })] });
  assert.equal(answer.status, 503);
  assert.deepEqual(answer.reply.headers, ['retry-after', '1']);
  assert.match(JSON.stringify(answer.body), /"code":"INGESTION_ERROR"/);
});

test('401, 403, 413: the batch has the single route’s errors', async () => {
  const bench = benchDialect(analytics);
  assert.equal((await post(bench, EXAMPLE, {})).status, 401);
  assert.equal((await post(bench, EXAMPLE, { 'x-api-key': KEYS.reader })).status, 403);
  assert.equal((await post(bench, EXAMPLE, { authorization: `Bearer ${KEYS.writer}` })).status, 202);
  assert.equal((await post(bench, ' '.repeat(10 * 1024 * 1024 + 1))).status, 413);
});

test('200: the statistics', async () => {
  for (const key of [KEYS.writer, KEYS.reader, KEYS.everything]) {
    const answer = await stats(benchDialect(analytics), { 'x-api-key': key });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      success: true,
      data: { ingestionRate: 1250.5, totalIngested: 150_000, timestamp: '2024-01-30T12:40:00.000Z' },
    });
  }
});

test('401, 503: statistics without a key, or while they can’t be read', async () => {
  const read = async () => {
    throw new MillraceError('unavailable', 'clickhouse is away');
  };
  const bench = benchDialect(analytics, { stats: { read } });
  assert.equal((await stats(bench, {})).status, 401);
  const away = await stats(bench);
  assert.deepEqual([away.status, away.reply.headers], [503, ['retry-after', '1']]);
});

test('429, 405 tell when and how', () => {
  assert.deepEqual(encodeAnalyticsFailure({ kind: 'rate_limited', retryAfterSeconds: 60 }), {
    status: 429,
    body: '{"success":false,"error":{"code":"RATE_LIMITED","message":"Too many requests"}}',
    headers: ['retry-after', '60'],
  });
  assert.deepEqual(encodeAnalyticsFailure({ kind: 'method_not_allowed', allowed: ['GET'] }).headers, [
    'allow',
    'GET',
  ]);
});
