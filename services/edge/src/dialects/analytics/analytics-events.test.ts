import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchDialect, type DialectBench, KEYS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { eventsRoute } from '../events-route/routes.ts';

const HEADERS = { 'x-api-key': KEYS.writer, 'content-type': 'application/json' };
const EXAMPLE = `{
  "eventType": "user_signup",
  "userId": "user_abc123",
  "sessionId": "session_xyz789",
  "timestamp": "2024-01-30T12:34:56Z",
  "metadata": {
    "source": "web",
    "campaign": "summer_promo"
  },
  "payload": {
    "referrer": "google.com",
    "browser": "Chrome"
  },
  "priority": 1,
  "eventId": "evt_optional_custom_id"
}`;
const REQUIRED = {
  eventType: 'click',
  userId: 'user_1',
  sessionId: 'session_1',
  timestamp: '2024-01-30T12:34:56Z',
};

const post = (bench: DialectBench, body: unknown, headers: Record<string, string> = HEADERS) =>
  bench.send('POST', '/api/v1/events', { headers, body });

test('202: the documented event is stored with its raw payload and metadata', async () => {
  const bench = benchDialect(eventsRoute);
  const answer = await post(bench, EXAMPLE);
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.body, {
    success: true,
    data: {
      eventId: 'evt_optional_custom_id',
      accepted: true,
      duplicate: false,
      message: 'Event accepted for processing',
    },
  });
  assert.deepEqual(bench.events, [
    {
      workspaceId: WORKSPACE_ID,
      eventId: 'evt_optional_custom_id',
      eventType: 'user_signup',
      dialect: 'analytics',
      source: '',
      userId: 'user_abc123',
      sessionId: 'session_xyz789',
      occurredAtMs: Date.UTC(2024, 0, 30, 12, 34, 56),
      receivedAtMs: Date.UTC(2024, 0, 30, 12, 35),
      priority: 1,
      labels: [],
      payload: '{\n    "referrer": "google.com",\n    "browser": "Chrome"\n  }',
      metadata: '{\n    "source": "web",\n    "campaign": "summer_promo"\n  }',
      traceId: '',
      identity: { scope: 'analytics', id: 'evt_optional_custom_id', content: EXAMPLE },
    },
  ]);
});

test('200: the same eventId again is a duplicate, with whatever body', async () => {
  const bench = benchDialect(eventsRoute);
  await post(bench, { ...REQUIRED, eventId: 'evt_abc123' });
  for (const body of [
    { ...REQUIRED, eventId: 'evt_abc123' },
    { ...REQUIRED, eventId: 'evt_abc123', priority: 9 },
  ]) {
    const answer = await post(bench, body);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      success: true,
      data: {
        eventId: 'evt_abc123',
        accepted: false,
        duplicate: true,
        message: 'Event already processed (duplicate)',
      },
    });
  }
});

test('an event without an id gets one, and is never a duplicate', async () => {
  const bench = benchDialect(eventsRoute);
  for (const n of ['1', '2']) {
    const answer = await post(bench, REQUIRED);
    assert.equal(answer.status, 202);
    assert.match(JSON.stringify(answer.body), new RegExp(`"evt_0189000000007000800000000000000${n}"`));
  }
  assert.equal(bench.events[0]?.identity, undefined);
});

test('defaults are filled in, unknown fields dropped, integers past 2^53 kept', async () => {
  const bench = benchDialect(eventsRoute);
  const payload = '{"id":12345678901234567890}';
  await post(
    bench,
    `{"unknown":1,"payload":${payload},${JSON.stringify({ ...REQUIRED, priority: 10 }).slice(1)}`,
  );
  await post(bench, REQUIRED);
  assert.deepEqual(
    bench.events.map((event) => [event.payload, event.metadata, event.priority]),
    [
      [payload, '{}', 10],
      ['{}', '{}', 1],
    ],
  );
});

test('400: a bad field is named in the message and among the details', async () => {
  const bench = benchDialect(eventsRoute);
  const pattern = 'must start with a letter and hold only letters, digits, "_", "." and "-"';
  const time = 'must be an RFC 3339 date-time with an offset, from 1900 to 2299';
  const cases: [Record<string, unknown>, string][] = [
    [{ eventType: undefined }, 'eventType is required'],
    [{ eventType: '1a' }, `eventType: ${pattern}`],
    [{ eventType: 'a b' }, `eventType: ${pattern}`],
    [{ eventType: 'a'.repeat(101) }, 'eventType: String must contain at most 100 character(s)'],
    [{ userId: undefined }, 'userId is required'],
    [{ userId: '' }, 'userId: String must contain at least 1 character(s)'],
    [{ userId: 7 }, 'userId: Expected string, received number'],
    [{ sessionId: 'a'.repeat(129) }, 'sessionId: String must contain at most 128 character(s)'],
    [{ timestamp: undefined }, 'timestamp is required'],
    [{ timestamp: '2024-01-30' }, `timestamp: ${time}`],
    [{ timestamp: '2023-02-29T00:00:00Z' }, `timestamp: ${time}`],
    [{ timestamp: 1706618096000 }, 'timestamp: Expected string, received number'],
    [{ metadata: 'x' }, 'metadata: Expected object, received string'],
    [{ payload: [] }, 'payload: Expected object, received array'],
    [{ payload: null }, 'payload: Expected object, received null'],
    [{ priority: 0 }, 'priority: Number must be greater than or equal to 1'],
    [{ priority: 11 }, 'priority: Number must be less than or equal to 10'],
    [{ priority: 1.5 }, 'priority: Expected integer, received float'],
    [{ priority: '1' }, 'priority: Expected number, received string'],
    [{ eventId: '' }, 'eventId: String must contain at least 1 character(s)'],
    [{ eventId: 'a'.repeat(129) }, 'eventId: String must contain at most 128 character(s)'],
  ];
  for (const [changes, words] of cases) {
    const { status, body } = await post(bench, { ...REQUIRED, ...changes });
    assert.equal(status, 400, words);
    const text = JSON.stringify(body);
    const start = {
      success: false,
      error: { code: 'VALIDATION_ERROR', message: `Invalid event payload: ${words}` },
    };
    assert.ok(text.startsWith(JSON.stringify(start).slice(0, -2)), `${text} ${words}`);
    assert.match(
      text,
      new RegExp(`"details":\\[\\{"field":"${Object.keys(changes)[0]}","code":"\\w+","message":`),
    );
  }
  assert.deepEqual(bench.events, []);
  assert.equal(bench.rejected.length, cases.length);
});

test('every field that is bad is among the details', async () => {
  const { body } = await post(benchDialect(eventsRoute), {});
  assert.deepEqual(body, {
    success: false,
    error: {
      code: 'VALIDATION_ERROR',
      message: 'Invalid event payload: eventType is required',
      details: ['eventType', 'userId', 'sessionId', 'timestamp'].map((field) => ({
        field,
        code: 'invalid_type',
        message: 'Required',
      })),
    },
  });
});

test('400: a body that is no JSON object', async () => {
  const bench = benchDialect(eventsRoute);
  const message = async (body: string) => {
    const answer = await post(bench, body);
    assert.equal(answer.status, 400);
    return JSON.stringify(answer.body);
  };
  assert.match(await message('{'), /"code":"VALIDATION_ERROR","message":"The request body is not valid JSON/);
  assert.match(await message('[]'), /"message":"Invalid event payload: Expected object, received array"/);
  assert.match(await message('{"__proto__":{}}'), /"message":"Invalid event payload: __proto__: Member name/);
  assert.deepEqual(bench.rejected, ['analytics malformed_json', 'analytics invalid', 'analytics invalid']);
});

test('401, 403, 415, 500, 503 carry the documented codes', async () => {
  const bench = benchDialect(eventsRoute);
  const answer = async (headers: Record<string, string>) => {
    const { status, body } = await post(bench, REQUIRED, headers);
    return [status, /"code":"(\w+)"/.exec(JSON.stringify(body))?.[1]];
  };
  assert.deepEqual(await answer({}), [401, 'MISSING_API_KEY']);
  assert.deepEqual(await answer({ 'x-api-key': 'evp_unknown' }), [401, 'INVALID_API_KEY']);
  assert.deepEqual(await answer({ 'x-api-key': KEYS.reader }), [403, 'FORBIDDEN']);
  assert.deepEqual(await answer({ ...HEADERS, 'content-type': 'text/xml' }), [415, 'UNSUPPORTED_MEDIA_TYPE']);
  bench.answer = () => ({ kind: 'unavailable' });
  assert.deepEqual(await answer(HEADERS), [503, 'INGESTION_ERROR']);
  bench.answer = () => {
    throw new Error('secret');
  };
  assert.deepEqual(await answer(HEADERS), [500, 'INGESTION_ERROR']);
});
