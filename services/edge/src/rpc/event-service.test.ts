import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  EventService,
  EventStatus,
  IngestStreamRequestSchema,
} from '@millrace/contracts/millrace/api/v1/event';
import { type RpcBench, startRpcBench, transportsTo, UNAVAILABLE_TYPE } from '../../test/rpc-harness.ts';
import { MAX_MESSAGE_EVENTS } from './event-service.ts';

const WRITER = { headers: { 'x-api-key': 'writer' } };

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench();
});
after(() => bench.close());

const grpc = () => createClient(EventService, transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail());

function codeOf(call: Promise<unknown>): Promise<Code> {
  return call.then(
    () => assert.fail('the call succeeded'),
    (error: unknown) => ConnectError.from(error).code,
  );
}

for (const [name, transport] of Object.entries(transportsTo('http://unused'))) {
  test(`${name}: an event goes in, with all its fields`, async () => {
    assert.ok(transport);
    const client = createClient(EventService, transportsTo(bench.url)[name] ?? assert.fail());
    bench.events.length = 0;
    const { results } = await client.ingest(
      {
        events: [
          {
            id: 'evt_1',
            type: 'user.created',
            source: 'web',
            userId: 'user_1',
            sessionId: 'session_1',
            occurredAt: timestampFromDate(new Date('2024-01-30T12:34:56.789Z')),
            priority: 3,
            labels: ['a', 'b'],
            data: { case: 'payload', value: { n: 1, deep: { x: [true, null, 'é'] } } },
            metadata: { campaign: 'summer' },
          },
        ],
      },
      {
        headers: { authorization: 'Bearer writer', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
      },
    );
    assert.deepEqual(
      results.map(({ id, status }) => ({ id, status })),
      [{ id: 'evt_1', status: EventStatus.ACCEPTED }],
    );
    const [event] = bench.events;
    assert.deepEqual(event && { ...event, identity: event.identity?.scope }, {
      workspaceId: 'workspace-1',
      eventId: 'evt_1',
      eventType: 'user.created',
      dialect: 'native',
      source: 'web',
      userId: 'user_1',
      sessionId: 'session_1',
      occurredAtMs: Date.UTC(2024, 0, 30, 12, 34, 56, 789),
      receivedAtMs: 1_706_618_400_000,
      priority: 3,
      labels: ['a', 'b'],
      payload: '{"n":1,"deep":{"x":[true,null,"é"]}}',
      metadata: '{"campaign":"summer"}',
      traceId: 'a'.repeat(32),
      identity: 'native',
    });
  });
}

test('payload_json keeps every byte', async () => {
  bench.events.length = 0;
  const value = Buffer.from('{ "n": 12345678901234567890 }');
  await grpc().ingest({ events: [{ type: 't', data: { case: 'payloadJson', value } }] }, WRITER);
  assert.equal(bench.events[0]?.payload, '{ "n": 12345678901234567890 }');
});

test('a bad event fails alone, in its own result', async () => {
  const json = (text: string) => ({ case: 'payloadJson' as const, value: Buffer.from(text) });
  const { results } = await grpc().ingest(
    {
      events: [
        { type: 'good' },
        { type: '' },
        { type: 't', priority: 11 },
        { type: 't', data: json('[1]') },
        { type: 't', data: json('{"a":') },
        { type: 't', data: json('{"a":"\\u0000"}') },
        { type: 't', data: { case: 'payload', value: { ['__proto__x']: 1, text: 'a\0' } } },
        { type: 'a\0b' },
        { type: 't', labels: ['x'.repeat(101)] },
        { type: 't', occurredAt: { seconds: 99_999_999_999n, nanos: 0 } },
        { type: 't', occurredAt: { seconds: 0n, nanos: -1 } },
        { type: 't', data: { case: 'payload', value: { a: { b: [Number.NaN] } } } },
        { type: 't', metadata: { a: Number.POSITIVE_INFINITY } },
        { id: 'x'.repeat(129), type: 't' },
        { type: 'good' },
      ],
    },
    WRITER,
  );
  const fields = results.map(({ status, error }) => (status === EventStatus.ACCEPTED ? 'ok' : error?.field));
  assert.deepEqual(fields, [
    'ok',
    'type',
    'priority',
    'payload',
    'payload',
    'payload.a',
    'payload.text',
    'type',
    'labels[0]',
    'occurredAt',
    'occurredAt',
    'payload.a.b[0]',
    'metadata.a',
    'id',
    'ok',
  ]);
});

test('a Struct may nest as deep as a REST body, and no deeper', async () => {
  const nested = (levels: number): { a?: object } => (levels <= 1 ? {} : { a: nested(levels - 1) });
  // What nests is JSON; the recursive type above only loses its index signature.
  const event = (levels: number) => ({
    type: 't',
    data: { case: 'payload' as const, value: nested(levels) as Record<string, never> },
  });
  const { results } = await grpc().ingest({ events: [event(32), event(33)] }, WRITER);
  assert.deepEqual(
    results.map(({ status }) => status),
    [EventStatus.ACCEPTED, EventStatus.INVALID],
  );
});

describe('codes', () => {
  const one = { events: [{ type: 't' }] };
  test('UNAUTHENTICATED and PERMISSION_DENIED: the key', async () => {
    assert.equal(await codeOf(grpc().ingest(one)), Code.Unauthenticated);
    assert.equal(
      await codeOf(grpc().ingest(one, { headers: { 'x-api-key': 'nobody' } })),
      Code.Unauthenticated,
    );
    assert.equal(
      await codeOf(grpc().ingest(one, { headers: { authorization: 'Bearer reader' } })),
      Code.PermissionDenied,
    );
    assert.ok(bench.calls.includes('millrace.api.v1.EventService Ingest PERMISSION_DENIED'));
  });
  test('INVALID_ARGUMENT: no event, or too many', async () => {
    const many = { events: Array.from({ length: MAX_MESSAGE_EVENTS + 1 }, () => ({ type: 't' })) };
    assert.equal(await codeOf(grpc().ingest({ events: [] }, WRITER)), Code.InvalidArgument);
    assert.equal(await codeOf(grpc().ingest(many, WRITER)), Code.InvalidArgument);
  });
  test('UNAVAILABLE: nothing is known to be stored', async () => {
    assert.equal(
      await codeOf(grpc().ingest({ events: [{ type: UNAVAILABLE_TYPE }] }, WRITER)),
      Code.Unavailable,
    );
  });
  test('UNAVAILABLE: says when to come again, over every protocol', async () => {
    for (const [name, transport] of Object.entries(transportsTo(bench.url))) {
      const call = createClient(EventService, transport).ingest(
        { events: [{ type: UNAVAILABLE_TYPE }] },
        WRITER,
      );
      const error = await call.catch((thrown: unknown) => ConnectError.from(thrown));
      assert.ok(error instanceof ConnectError && error.code === Code.Unavailable, name);
      assert.equal(error.metadata.get('retry-after'), '1', name);
    }
  });
});

test('a stream has a result for every event, in order, and goes on after an outage', async () => {
  async function* messages() {
    yield create(IngestStreamRequestSchema, { events: [{ id: 'a', type: 't' }] });
    yield create(IngestStreamRequestSchema, { events: [{ id: 'b', type: UNAVAILABLE_TYPE }] });
    yield create(IngestStreamRequestSchema, {});
    yield create(IngestStreamRequestSchema, {
      events: [
        { id: 'c', type: '' },
        { id: 'd', type: 't' },
      ],
    });
    yield create(IngestStreamRequestSchema, {
      events: Array.from({ length: MAX_MESSAGE_EVENTS + 1 }, () => ({ id: 'e', type: 't' })),
    });
  }
  const { results } = await grpc().ingestStream(messages(), WRITER);
  assert.equal(results.length, 4 + MAX_MESSAGE_EVENTS + 1);
  assert.deepEqual(
    results.slice(0, 5).map(({ id, status }) => [id, EventStatus[status]]),
    [
      ['a', 'ACCEPTED'],
      ['b', 'UNAVAILABLE'],
      ['c', 'INVALID'],
      ['d', 'ACCEPTED'],
      ['e', 'INVALID'],
    ],
  );
});

test('10,000 events in one stream', async () => {
  bench.events.length = 0;
  async function* messages() {
    for (let i = 0; i < 100; i++) {
      yield create(IngestStreamRequestSchema, {
        events: Array.from({ length: 100 }, (_, j) => ({ id: `${i}.${j}`, type: 't' })),
      });
    }
  }
  const { results } = await grpc().ingestStream(messages(), WRITER);
  assert.equal(results.length, 10_000);
  assert.equal(new Set(bench.events.map(({ eventId }) => eventId)).size, 10_000);
});
