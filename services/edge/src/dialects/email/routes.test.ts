import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  benchDialect,
  type DialectBench,
  KEYS,
  NOW_MS,
  WORKSPACE_ID,
} from '../../../test/dialect-harness.ts';
import { email } from './routes.ts';

const HEADERS = { 'x-api-key': KEYS.writer, 'content-type': 'application/json' };
const EXAMPLE = `{
  "email_id": "unique-email-id-123",
  "domain": "sender-domain.com",
  "labels": ["inbox", "important"],
  "event_time": 1703123456789,
  "received_at": 1703123456789,
  "metadata": {
    "subject": "Meeting reminder",
    "from": "sender@domain.com",
    "custom_field": "value"
  }
}`;
const EXAMPLE_METADATA = EXAMPLE.slice(EXAMPLE.indexOf('{', 1), EXAMPLE.lastIndexOf('}') - 1);
const BATCH = [
  {
    email_id: 'email-1',
    domain: 'domain1.com',
    labels: ['inbox'],
    event_time: 1703123456789,
    received_at: 1703123456789,
  },
  {
    email_id: 'email-2',
    domain: 'domain2.com',
    labels: ['spam'],
    event_time: 1703123456790,
    received_at: 1703123456790,
  },
];
const DUPLICATE = { status: 'success', message: 'Duplicate event ignored' };

const hashOf = (emailId: string, domain: string) =>
  createHash('sha256').update(`${emailId}:${domain}`).digest('hex');
const post = (bench: DialectBench, body: unknown, headers: Record<string, string> = HEADERS) =>
  bench.send('POST', '/email', { headers, body });
const postBatch = (bench: DialectBench, body: unknown, headers: Record<string, string> = HEADERS) =>
  bench.send('POST', '/email/batch', { headers, body });

test('200: the documented event is answered with its hash, and stored without its id', async () => {
  const bench = benchDialect(email);
  const answer = await post(bench, EXAMPLE);
  const hash = hashOf('unique-email-id-123', 'sender-domain.com');
  assert.deepEqual([answer.status, answer.body], [200, { status: 'success', type: 'email', event_id: hash }]);
  assert.deepEqual(bench.events, [
    {
      workspaceId: WORKSPACE_ID,
      eventId: hash,
      eventType: 'email',
      dialect: 'email',
      source: 'sender-domain.com',
      userId: '',
      sessionId: '',
      occurredAtMs: 1703123456789,
      receivedAtMs: Date.UTC(2024, 0, 30, 12, 35),
      priority: 1,
      labels: ['inbox', 'important'],
      payload: '{"domain":"sender-domain.com","received_at":1703123456789}',
      metadata: EXAMPLE_METADATA,
      traceId: '',
      identity: { scope: 'email', id: `${hash}:1703123456789`, content: '' },
    },
  ]);
  assert.doesNotMatch(JSON.stringify(bench.events), /unique-email-id-123/);
});

test('200: the same hash and time again is a duplicate, whatever else differs', async () => {
  const bench = benchDialect(email);
  await post(bench, EXAMPLE);
  for (const body of [EXAMPLE, EXAMPLE.replace('inbox', 'spam')]) {
    const answer = await post(bench, body);
    assert.deepEqual([answer.status, answer.body], [200, DUPLICATE]);
  }
  assert.deepEqual((await post(bench, EXAMPLE.replace('unique', 'Unique'))).status, 200);
  assert.notEqual(bench.events[3]?.eventId, bench.events[0]?.eventId);
});

test('a missing time is the clock’s, read once; other defaults are empty', async () => {
  const bench = benchDialect(email);
  await post(bench, { email_id: 'a', domain: 'b"c' });
  const [event] = bench.events;
  assert.equal(event?.occurredAtMs, NOW_MS);
  assert.equal(event?.payload, `{"domain":"b\\"c","received_at":${NOW_MS}}`);
  assert.deepEqual([event?.labels, event?.metadata], [[], '{}']);
  await post(bench, { email_id: 'a', domain: 'b', event_time: 0, received_at: 10413791999999 });
  assert.equal(bench.events[1]?.occurredAtMs, 0);
});

test('200: the documented batch', async () => {
  const bench = benchDialect(email);
  const [first, second] = [hashOf('email-1', 'domain1.com'), hashOf('email-2', 'domain2.com')];
  const answer = await postBatch(bench, BATCH);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    status: 'success',
    batch: true,
    processed: 2,
    results: [
      { status: 'success', type: 'email', email_hash: first },
      { status: 'success', type: 'email', email_hash: second },
    ],
  });
  const again = await postBatch(bench, BATCH.slice(1));
  assert.deepEqual(again.body, {
    status: 'success',
    batch: true,
    processed: 1,
    results: [{ ...DUPLICATE, email_hash: second }],
  });
});

test('an empty batch is valid; each event keeps its own metadata', async () => {
  const bench = benchDialect(email);
  const empty = await postBatch(bench, []);
  assert.deepEqual(empty.body, { status: 'success', batch: true, processed: 0, results: [] });
  await postBatch(
    bench,
    '[{"email_id":"a","domain":"d","metadata":{"n":1.0}} , {"email_id":"b","domain":"d"}]',
  );
  assert.deepEqual(
    bench.events.map((event) => event.metadata),
    ['{"n":1.0}', '{}'],
  );
});

test('401: the key is missing, unknown, or may not send events', async () => {
  const bench = benchDialect(email);
  for (const headers of [{}, { 'x-api-key': 'unknown' }, { 'x-api-key': KEYS.reader }]) {
    for (const answer of [await post(bench, EXAMPLE, headers), await postBatch(bench, BATCH, headers)]) {
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.body, { status: 'error', message: 'Invalid or missing API key' });
    }
  }
});

test('503: what is not known to be stored', async () => {
  const bench = benchDialect(email);
  bench.answer = () => ({ kind: 'unavailable' });
  for (const answer of [await post(bench, EXAMPLE), await postBatch(bench, BATCH)]) {
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.body, { status: 'error', message: 'Events can not be stored at the moment' });
    assert.deepEqual(answer.reply.headers, ['retry-after', '1']);
  }
});

test('EMAIL_COMPAT_ALWAYS_200 answers 200 to everything, with the same bodies', async () => {
  const bench = benchDialect(email, {
    settings: { emailCompatAlways200: true, graphqlIntrospection: false },
  });
  const noKey = await post(bench, EXAMPLE, {});
  assert.deepEqual(
    [noKey.status, noKey.body],
    [200, { status: 'error', message: 'Invalid or missing API key' }],
  );
  assert.equal((await post(bench, {})).status, 200);
  assert.equal((await postBatch(bench, {})).status, 200);
  bench.answer = () => ({ kind: 'unavailable' });
  assert.equal((await post(bench, EXAMPLE)).status, 200);
});
