import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus } from '@millrace/contracts/grpc/health/v1/health';
import { EventService, EventStatus } from '@millrace/contracts/millrace/api/v1/event';
import { onEachTopology } from '@millrace/testkit';
import { memberOf } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

type Connected = (baseUrl: string) => Transport;

const TRANSPORTS: Readonly<Record<string, Connected>> = {
  'Connect over HTTP/1.1': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  'Connect over HTTP/2': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2' }),
  'Connect with JSON': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
};

onEachTopology('native: millrace.api.v1.EventService', (stack) => {
  let issuer: Issuer;
  before(() => {
    issuer = openIssuer(stack());
  });

  const headers = (key = stack().connection.credentials.apiKey) => ({ authorization: `Bearer ${key}` });

  for (const [name, connect] of Object.entries(TRANSPORTS)) {
    describe(name, () => {
      const client = () => createClient(EventService, connect(stack().connection.url));

      test('a unary call answers a result for each event and stores the valid ones', async () => {
        const id = randomUUID();
        const payload = '{"n": 9007199254740993}';
        const events = [
          {
            id,
            type: 'rpc.unary',
            source: 'shop',
            userId: 'u',
            sessionId: 's',
            occurredAt: { seconds: 1_706_618_096n, nanos: 789_000_000 },
            priority: 3,
            labels: ['l'],
            data: { case: 'payloadJson' as const, value: new TextEncoder().encode(payload) },
            metadata: { m: 1 },
          },
          { id, type: 'rpc.unary', data: { case: 'payload' as const, value: { other: true } } },
          { type: '' },
          { type: 'rpc.unary', data: { case: 'payload' as const, value: { a: [1, 'b', null] } } },
        ];
        const { results } = await client().ingest({ events }, { headers: headers() });
        const { ACCEPTED, CONFLICT, INVALID } = EventStatus;
        assert.deepEqual(
          results.map((result) => result.status),
          [ACCEPTED, CONFLICT, INVALID, ACCEPTED],
        );
        assert.equal(results[2]?.error?.field, 'type');
        const row = await storedEvent(stack(), { eventId: id });
        const { dialect, source, userId, sessionId, occurredAtMs, priority, labels } = row;
        assert.deepEqual(
          { dialect, source, userId, sessionId, occurredAtMs, priority, labels },
          {
            dialect: 'native',
            source: 'shop',
            userId: 'u',
            sessionId: 's',
            occurredAtMs: 1_706_618_096_789,
            priority: 3,
            labels: ['l'],
          },
        );
        assert.deepEqual([row.payload, row.metadata], [payload, '{"m":1}']);
        const second = await storedEvent(stack(), { eventId: results[3]?.id ?? '' });
        assert.deepEqual(JSON.parse(second.payload), { a: [1, 'b', null] });
      });

      test('a repeated call is answered as a duplicate', async () => {
        const request = { events: [{ id: randomUUID(), type: 'rpc.repeat' }] };
        await client().ingest(request, { headers: headers() });
        const { results } = await client().ingest(request, { headers: headers() });
        assert.equal(results[0]?.status, EventStatus.DUPLICATE);
        assert.equal(await countSettled(stack(), { eventId: request.events[0]?.id ?? '' }), 1);
      });

      test('refusals have the codes of the contract', async () => {
        const reader = await issuer.issue({ permissions: ['events:read'] });
        const events = [{ type: 'rpc.refused' }];
        const tooMany = Array.from({ length: 1001 }, () => ({ type: 'rpc.refused' }));
        const refusals = [
          { code: Code.Unauthenticated, events, headers: {} },
          { code: Code.Unauthenticated, events, headers: headers('unknown') },
          { code: Code.PermissionDenied, events, headers: headers(reader) },
          { code: Code.InvalidArgument, events: [], headers: headers() },
          { code: Code.InvalidArgument, events: tooMany, headers: headers() },
        ];
        for (const { code, events: refused, headers: given } of refusals) {
          await assert.rejects(client().ingest({ events: refused }, { headers: given }), (error) => {
            assert.ok(error instanceof ConnectError);
            assert.equal(error.code, code, error.message);
            return true;
          });
        }
        assert.equal(await countSettled(stack(), { eventType: 'rpc.refused' }), 0);
      });

      test('health: serving', async () => {
        const health = createClient(Health, connect(stack().connection.url));
        for (const service of ['', EventService.typeName]) {
          const { status } = await health.check({ service });
          assert.equal(status, HealthCheckResponse_ServingStatus.SERVING);
        }
        await assert.rejects(health.check({ service: 'no.such.Service' }), { code: Code.NotFound });
      });
    });
  }

  test('a stream of requests has one answer, with a result for every event in order', async () => {
    const client = createClient(EventService, createGrpcTransport({ baseUrl: stack().connection.url }));
    const eventType = `rpc.stream.${randomUUID()}`;
    async function* requests() {
      for (let i = 0; i < 20; i++) {
        const events = Array.from({ length: 100 }, (_, j) => ({
          id: `${eventType}-${i}-${j}`,
          type: eventType,
        }));
        yield { events: i === 7 ? [{ type: '' }, ...events] : events };
      }
    }
    const { results } = await client.ingestStream(requests(), { headers: headers() });
    assert.equal(results.length, 2001);
    assert.equal(results[700]?.status, EventStatus.INVALID);
    assert.equal(results[701]?.id, `${eventType}-7-0`);
    assert.equal(results.filter((result) => result.status === EventStatus.ACCEPTED).length, 2000);
    assert.equal(await countSettled(stack(), { eventType }), 2000);
  });

  test('curl can call it: JSON over HTTP/1.1', async () => {
    const answer = await httpCall(`${stack().connection.url}/millrace.api.v1.EventService/Ingest`, {
      headers: { 'content-type': 'application/json', ...headers() },
      body: '{"events":[{"type":"rpc.curl","payload":{"a":1}}]}',
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(memberOf(answer.json(), 'results', 0, 'status'), 'EVENT_STATUS_ACCEPTED');
    await storedEvent(stack(), { eventType: 'rpc.curl' });
  });
});
