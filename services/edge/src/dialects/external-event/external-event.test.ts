import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { benchDialect, KEYS, NOW_MS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import type { FakeRequest } from '../../../test/fake-exchange.ts';
import { externalEventDialect } from './routes.ts';

const PATH = '/api/external-event/:workspaceId';

/** The body of the published usage example. */
const documented = {
  type: 'custom.event',
  payload: { sourceSystem: 'my-app', action: 'user.clicked', metadata: { page: 'dashboard' } },
};

function request(body: unknown, changes: Partial<FakeRequest> = {}): FakeRequest {
  return {
    params: { workspaceId: WORKSPACE_ID },
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEYS.writer}` },
    receivedAtMs: NOW_MS,
    body,
    ...changes,
  };
}

function withHeaders(headers: Record<string, string>): Partial<FakeRequest> {
  return { headers };
}

describe('success', () => {
  for (const path of [PATH, '/external-event/:workspaceId']) {
    test(`201: ${path} takes the documented body`, async () => {
      const bench = benchDialect(externalEventDialect);
      const { status, body } = await bench.send('POST', path, request(documented));
      assert.equal(status, 201);
      assert.deepEqual(body, { success: true });
      const [event] = bench.events;
      assert.equal(event?.workspaceId, WORKSPACE_ID);
      assert.equal(event?.eventType, 'custom.event');
      assert.equal(event?.dialect, 'external-event');
      assert.deepEqual(JSON.parse(event?.payload ?? ''), documented.payload);
      assert.equal(event?.occurredAtMs, NOW_MS);
      assert.equal(event?.identity, undefined);
    });
  }

  test('201: the payload keeps every byte, unknown fields are dropped', async () => {
    const bench = benchDialect(externalEventDialect);
    const text = '{ "extra": 1, "payload" : {"n": 12345678901234567890, "x":1.0} , "type":"t" }';
    const { status } = await bench.send('POST', PATH, request(text));
    assert.equal(status, 201);
    assert.equal(bench.events[0]?.payload, '{"n": 12345678901234567890, "x":1.0}');
  });

  test('201: a repeated Idempotency-Key is one event', async () => {
    const bench = benchDialect(externalEventDialect);
    const headers = { authorization: `Bearer ${KEYS.writer}`, 'idempotency-key': 'order-7' };
    for (let i = 0; i < 2; i++) {
      const { status, body } = await bench.send('POST', PATH, request(documented, { headers }));
      assert.equal(status, 201);
      assert.deepEqual(body, { success: true });
    }
    const [first, second] = bench.events;
    assert.equal(first?.identity?.scope, 'external-event');
    assert.deepEqual(first?.identity, second?.identity);
  });

  test('409: another body under the same Idempotency-Key, which is not stored', async () => {
    const bench = benchDialect(externalEventDialect);
    const headers = { authorization: `Bearer ${KEYS.writer}`, 'idempotency-key': 'order-7' };
    await bench.send('POST', PATH, request(documented, { headers }));
    const other = { type: 'other', payload: {} };
    const { status, body } = await bench.send('POST', PATH, request(other, { headers }));
    const id = bench.events[0]?.eventId;
    const error = { code: 'CONFLICT', message: `Another event was accepted before as ${id}` };
    assert.deepEqual([status, body], [409, { success: false, error }]);
  });

  test('201: a key that has to be asked about', async () => {
    const bench = benchDialect(externalEventDialect);
    const headers = { authorization: `Bearer ${KEYS.slow}` };
    assert.equal((await bench.send('POST', PATH, request(documented, { headers }))).status, 201);
  });

  test('201: a browser beacon carries its key in the query', async () => {
    const bench = benchDialect(externalEventDialect);
    const beacon = { headers: { 'content-type': 'text/plain;charset=UTF-8' }, search: `key=${KEYS.writer}` };
    assert.equal((await bench.send('POST', PATH, request(documented, beacon))).status, 201);
  });
});

describe('failure', () => {
  const bad: [name: string, body: unknown, message: RegExp][] = [
    ['no type', { payload: {} }, /^type: Required$/],
    ['an empty type', { type: '', payload: {} }, /^type: /],
    ['a type that is no string', { type: 7, payload: {} }, /^type: Expected string, received number$/],
    ['a long type', { type: 'x'.repeat(256), payload: {} }, /^type: /],
    ['no payload', { type: 't' }, /^payload: Required$/],
    ['a payload that is an array', { type: 't', payload: [1] }, /^payload: Expected object, received array$/],
    ['a payload that is null', { type: 't', payload: null }, /^payload: Expected object, received null$/],
    ['an array', [], /^Expected object, received array$/],
    ['no JSON', '{"type":', /not valid JSON/],
    ['an empty body', '', /empty/],
    ['NUL', '{"type":"t","payload":{"a":"\\u0000"}}', /^payload\.a: NUL/],
  ];
  for (const [name, body, message] of bad) {
    test(`400 INVALID_INPUT: ${name}`, async () => {
      const bench = benchDialect(externalEventDialect);
      const answer = await bench.send('POST', PATH, request(body));
      assert.equal(answer.status, 400);
      // Every failure has the documented shape.
      const { success, error } = answer.body as {
        success: boolean;
        error: { code: string; message: string };
      };
      assert.equal(success, false);
      assert.equal(error.code, 'INVALID_INPUT');
      assert.match(error.message, message);
      assert.equal(bench.events.length, 0);
      assert.equal(bench.rejected.length, 1);
    });
  }

  const cases: [status: number, code: string, why: string, changes: Partial<FakeRequest>][] = [
    [401, 'INVALID_AUTH', 'no credential', withHeaders({})],
    [401, 'INVALID_AUTH', 'an unknown token', withHeaders({ authorization: 'Bearer nobody' })],
    [401, 'INVALID_AUTH', 'another scheme', withHeaders({ authorization: 'Basic dTpw' })],
    [401, 'INVALID_AUTH', "another workspace's path", { params: { workspaceId: 'workspace-2' } }],
    [403, 'FORBIDDEN', 'no permission', withHeaders({ authorization: `Bearer ${KEYS.reader}` })],
    [413, 'PAYLOAD_TOO_LARGE', 'a body over 1 MiB', { body: ' '.repeat(1024 * 1024 + 1) }],
    [
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'XML',
      withHeaders({ authorization: `Bearer ${KEYS.writer}`, 'content-type': 'application/xml' }),
    ],
  ];
  for (const [status, code, why, changes] of cases) {
    test(`${status} ${code}: ${why}`, async () => {
      const answer = await benchDialect(externalEventDialect).send(
        'POST',
        PATH,
        request(documented, changes),
      );
      assert.equal(answer.status, status);
      assert.equal((answer.body as { error: { code: string } }).error.code, code);
    });
  }

  test('401 is told before the body is read', async () => {
    const answer = await benchDialect(externalEventDialect).send(
      'POST',
      PATH,
      request('{', withHeaders({ authorization: 'Bearer nobody' })),
    );
    assert.equal(answer.status, 401);
  });

  test('503 CLICKHOUSE_ERROR: the event could not be made durable', async () => {
    const bench = benchDialect(externalEventDialect);
    bench.answer = () => ({ kind: 'unavailable' });
    const told = await bench.send('POST', PATH, request(documented));
    bench.answer = () => {
      throw new MillraceError('unavailable', 'the stream is away');
    };
    const thrown = await bench.send('POST', PATH, request(documented));
    for (const { status, body, reply } of [told, thrown]) {
      assert.equal(status, 503);
      assert.equal((body as { error: { code: string } }).error.code, 'CLICKHOUSE_ERROR');
      assert.ok(reply.headers?.includes('retry-after'));
    }
  });
});
