import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { httpCall, onEachTopology } from '@millrace/testkit';
import { memberOf } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { openTail } from './support/open-tail.ts';

const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  Connect: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
};

onEachTopology('native: who may not tail, or no longer', (stack) => {
  let issuer: Issuer;
  before(() => {
    issuer = openIssuer(stack());
  });
  const apiKey = () => stack().connection.credentials.apiKey;

  describe('ends when its key is no longer good', () => {
    test('by REST: an end that says so, though nothing comes', async () => {
      const key = await issuer.issue({ permissions: ['events:read'] });
      const tail = await openTail(`${stack().connection.url}/v1/events/tail`, { 'x-api-key': key });
      await tail.until('id: ');
      await issuer.revoke(key);
      await tail.ended;
      assert.deepEqual(tail.sent().at(-1)?.data['reason'], 'unauthenticated');
    });

    for (const [name, connect] of Object.entries(TRANSPORTS)) {
      test(`by ${name}: UNAUTHENTICATED`, async () => {
        const key = await issuer.issue({ permissions: ['events:read'] });
        const client = createClient(AnalyticsService, connect(stack().connection.url));
        const read = async () => {
          for await (const _ of client.tailEvents({}, { headers: { 'x-api-key': key } })) {
            await issuer.revoke(key);
          }
        };
        await assert.rejects(read(), (error) => ConnectError.from(error).code === Code.Unauthenticated);
      });
    }
  });

  test('400 names the parameter, or the header', async () => {
    const refused: [field: string, search: Record<string, string>, headers?: Record<string, string>][] = [
      ['after', { after: 'nonsense' }],
      ['Last-Event-ID', {}, { 'last-event-id': 'nonsense' }],
      ['last', { last: '1001' }],
      ['userId', { userId: 'x'.repeat(129) }],
      ['type[0]', { type: '' }],
      ['filter', { filter: '{"field":' }],
      ['filter.and[1].eq', { filter: '{"and":[{"field":"id","eq":"a"},{"field":"id","eq":null}]}' }],
      ['filter.or[0].field', { filter: '{"or":[{"field":"plan","eq":"gold"}]}' }],
    ];
    for (const [field, search, headers] of refused) {
      const query = new URLSearchParams(search);
      const answer = await httpCall(`${stack().connection.url}/v1/events/tail?${query}`, {
        method: 'GET',
        headers: { 'x-api-key': apiKey(), ...headers },
      });
      assertProblem(answer, 400);
      assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field);
    }
  });

  test('401 without a good key, 403 without events:read', async () => {
    const writer = await issuer.issue({ permissions: ['events:write', 'analytics:read'] });
    for (const [status, key] of [
      [401, 'unknown'],
      [403, writer],
    ] as const) {
      const answer = await httpCall(`${stack().connection.url}/v1/events/tail`, {
        method: 'GET',
        headers: { 'x-api-key': key },
      });
      assertProblem(answer, status);
    }
  });
});
