import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { benchDialect, KEYS, NOW_MS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { nativeDialect } from './routes.ts';

const LINES = { 'content-type': 'application/x-ndjson' };

const full = {
  id: 'evt_1',
  type: 'user.created',
  source: 'web',
  userId: 'user_1',
  sessionId: 'session_1',
  occurredAt: '2024-01-30T12:34:56.789+01:00',
  priority: 3,
  labels: ['a', 'b'],
  payload: { n: 1 },
  metadata: { campaign: 'summer' },
};

function openBench() {
  const bench = benchDialect(nativeDialect);
  return {
    bench,
    send: (body: unknown, headers: Record<string, string> = {}) =>
      bench.send('POST', '/v1/ingest', {
        headers: { 'x-api-key': KEYS.writer, 'content-type': 'application/json', ...headers },
        body,
        receivedAtMs: NOW_MS,
      }),
  };
}

interface Itemized {
  results: { index: number; id: string; status: string; error?: { field: string; issue: string } }[];
  accepted: number;
  invalid: number;
}

/** The bench parses the answer; its shape is what these tests check. */
const itemized = (body: unknown) => body as Itemized;

describe('success', () => {
  test('202: a single event, with all its fields', async () => {
    const { bench, send } = openBench();
    const { status, body } = await send(full);
    assert.equal(status, 202);
    assert.deepEqual(body, {
      results: [{ index: 0, status: 'accepted', id: 'evt_1' }],
      accepted: 1,
      duplicates: 0,
      conflicts: 0,
      invalid: 0,
      unavailable: 0,
    });
    const [event] = bench.events;
    assert.deepEqual(event && { ...event, identity: event.identity?.id }, {
      workspaceId: WORKSPACE_ID,
      eventId: 'evt_1',
      eventType: 'user.created',
      dialect: 'native',
      source: 'web',
      userId: 'user_1',
      sessionId: 'session_1',
      occurredAtMs: Date.UTC(2024, 0, 30, 11, 34, 56, 789),
      receivedAtMs: NOW_MS,
      priority: 3,
      labels: ['a', 'b'],
      payload: '{"n":1}',
      metadata: '{"campaign":"summer"}',
      traceId: '',
      identity: 'evt_1',
    });
  });

  test('202: only a type; null and an empty id are as good as absent', async () => {
    const { bench, send } = openBench();
    const { status } = await send({ id: '', type: 't', userId: null, labels: null, payload: null });
    assert.equal(status, 202);
    const [event] = bench.events;
    assert.match(event?.eventId ?? '', /^01890000-/);
    assert.equal(event?.identity, undefined);
    assert.equal(event?.payload, '{}');
    assert.equal(event?.occurredAtMs, NOW_MS);
  });

  test('202: an array; payloads keep every byte', async () => {
    const { bench, send } = openBench();
    const { status } = await send(
      ' [ {"type":"a","payload":{"n": 12345678901234567890}} , {"metadata" : {"m": 1.0},"type":"b"} ] ',
    );
    assert.equal(status, 202);
    assert.deepEqual(
      bench.events.map(({ payload, metadata }) => [payload, metadata]),
      [
        ['{"n": 12345678901234567890}', '{}'],
        ['{}', '{"m": 1.0}'],
      ],
    );
  });

  for (const type of ['application/x-ndjson', 'application/ndjson; charset=utf-8', 'application/jsonl']) {
    test(`202: ${type}`, async () => {
      const { bench, send } = openBench();
      const { status, body } = await send('{"type":"a"}\r\n\n  \n{"type":"b","payload":{"n": 1.0}}\n', {
        'content-type': type,
      });
      assert.equal(status, 202);
      assert.equal(itemized(body).accepted, 2);
      assert.equal(bench.events[1]?.payload, '{"n": 1.0}');
    });
  }

  test('202: a retry is a duplicate, however it is sent', async () => {
    const { send } = openBench();
    await send([full]);
    const { status, body } = await send(JSON.stringify(full), LINES);
    assert.equal(status, 202);
    assert.equal(itemized(body).results[0]?.status, 'duplicate');
  });
});

describe('a bad event fails alone', () => {
  const bad: [field: string, event: unknown][] = [
    ['', 7],
    ['', null],
    ['', []],
    ['type', {}],
    ['type', { type: '' }],
    ['type', { type: 'x'.repeat(256) }],
    ['type', { type: 'a\nb' }],
    ['id', { id: 'x'.repeat(129), type: 't' }],
    ['id', { id: 7, type: 't' }],
    ['occurredAt', { type: 't', occurredAt: '2024-01-30' }],
    ['occurredAt', { type: 't', occurredAt: '1800-01-01T00:00:00Z' }],
    ['priority', { type: 't', priority: 0 }],
    ['priority', { type: 't', priority: 1.5 }],
    ['labels', { type: 't', labels: 'x' }],
    ['labels[1]', { type: 't', labels: ['', 7] }],
    ['payload', { type: 't', payload: [1] }],
    ['metadata', { type: 't', metadata: 'x' }],
    ['payload', { type: 't', payload: { text: 'é'.repeat(600_000) } }],
  ];

  test('207: in an array', async () => {
    const { bench, send } = openBench();
    const { status, body } = await send([full, ...bad.map(([, event]) => event), { type: 'last' }]);
    assert.equal(status, 207);
    const { results, accepted, invalid } = itemized(body);
    assert.deepEqual(
      results.slice(1, -1).map(({ error }) => error?.field),
      bad.map(([field]) => field),
    );
    assert.deepEqual([accepted, invalid], [2, bad.length]);
    assert.deepEqual(
      bench.events.map(({ eventType }) => eventType),
      ['user.created', 'last'],
    );
    assert.equal(bench.rejected.length, bad.length);
  });

  test('207: in NDJSON, where a line may not even be JSON', async () => {
    const { send } = openBench();
    const long = JSON.stringify({ type: 't', payload: { text: 'x'.repeat(256 * 1024) } });
    const deep = `{"type":"t","payload":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`;
    const lines = [
      '{"type":"a"}',
      '{"type":',
      '{"type":"\\u0000"}',
      long,
      deep,
      '[{"type":"a"}]',
      '{"type":"b"}',
    ];
    const { status, body } = await send(lines.join('\n'), LINES);
    assert.equal(status, 207);
    const { results } = itemized(body);
    assert.deepEqual(
      results.map((result) => result.status),
      ['accepted', 'invalid', 'invalid', 'invalid', 'invalid', 'invalid', 'accepted'],
    );
    assert.match(results[1]?.error?.issue ?? '', /^The line is not valid JSON/);
    assert.equal(results[2]?.error?.field, 'type');
    assert.match(results[3]?.error?.issue ?? '', /262144 bytes/);
  });

  test('an invalid event keeps its id in the answer', async () => {
    const { body } = await openBench().send([{ id: 'evt_9' }]);
    assert.equal(itemized(body).results[0]?.id, 'evt_9');
  });
});

describe('failure', () => {
  test('400: no event is valid; the answer is a problem with the results', async () => {
    const { status, body, reply } = await openBench().send([{}]);
    assert.equal(status, 400);
    assert.equal(itemized(body).results[0]?.error?.field, 'type');
    assert.ok(reply.headers?.includes('application/problem+json'));
  });

  test('400: nothing, no JSON, too many', async () => {
    const { send } = openBench();
    const tooMany = Array.from({ length: 10_001 }, () => ({ type: 't' }));
    for (const body of ['[]', '', '7', '{', tooMany]) assert.equal((await send(body)).status, 400);
    assert.equal((await send('\n\n', LINES)).status, 400);
    const lines = tooMany.map((event) => JSON.stringify(event)).join('\n');
    assert.equal((await send(lines, LINES)).status, 400);
  });

  test('409: another event under the same id', async () => {
    const { send } = openBench();
    await send([full]);
    const { status, body } = await send([{ ...full, payload: { n: 2 } }]);
    assert.equal(status, 409);
    assert.equal(itemized(body).results[0]?.status, 'conflict');
  });

  test('401, 403, 413, 415', async () => {
    const { send } = openBench();
    assert.equal((await send(full, { 'x-api-key': '' })).status, 401);
    assert.equal((await send(full, { 'x-api-key': KEYS.reader })).status, 403);
    assert.equal((await send(' '.repeat(10 * 1024 * 1024 + 1))).status, 413);
    assert.equal((await send(full, { 'content-type': 'text/csv' })).status, 415);
  });

  test('503: nothing is known to be stored', async () => {
    const { bench, send } = openBench();
    bench.answer = () => ({ kind: 'unavailable' });
    const told = await send([full, {}]);
    assert.equal(told.status, 503);
    assert.ok(told.reply.headers?.includes('retry-after'));
    bench.answer = () => {
      throw new MillraceError('unavailable', 'the stream is away');
    };
    assert.equal((await send([full])).status, 503);
  });

  test('207: an outage in the middle is told event by event', async () => {
    const { bench, send } = openBench();
    bench.answer = ({ eventId }) =>
      eventId === 'b' ? { kind: 'unavailable' } : { kind: 'accepted', eventId };
    const { status, body } = await send(['a', 'b', 'c'].map((id) => ({ id, type: 't' })));
    assert.equal(status, 207);
    assert.deepEqual(
      itemized(body).results.map((result) => result.status),
      ['accepted', 'unavailable', 'accepted'],
    );
  });
});
