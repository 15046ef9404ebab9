import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DisabledReason,
  type Endpoint,
  NamedRetryPolicy,
  SignatureScheme,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { ENDPOINT_ID, endpoint, having, SHOWN, send } from '../../../test/endpoints.ts';
import { USER_ID } from '../../../test/granting.ts';

describe('GET /webhooks', () => {
  test('200: what is called by HTTP, without secrets, and the way to the next page', async () => {
    const asked: unknown[] = [];
    const { body, reply } = await send(
      {
        webhooks: {
          async listEndpoints({ request }) {
            asked.push([request?.pageSize, request?.pageToken]);
            const other = endpoint({ target: { case: 'nats', value: { queue: 'q' } } });
            return { response: { endpoints: [endpoint(), other], nextPageToken: 'next page' } };
          },
        },
      },
      'GET /webhooks',
      { search: 'limit=2&cursor=this' },
    );
    assert.deepEqual(asked, [[2, 'this']]);
    assert.deepEqual(body, [SHOWN]);
    assert.deepEqual(reply.headers, ['link', '<?limit=2&cursor=next+page>; rel="next"']);
  });

  test('200: the last page leads nowhere', async () => {
    const listEndpoints = async () => ({ response: { endpoints: [] } });
    const { body, reply } = await send({ webhooks: { listEndpoints } }, 'GET /webhooks');
    assert.deepEqual([body, reply.headers], [[], []]);
  });

  test('400: a page that can not be', async () => {
    for (const [search, message] of [
      ['limit=0', 'limit: must be 1 to 200'],
      ['limit=201', 'limit: must be 1 to 200'],
      ['cursor=', 'cursor: String must contain at least 1 character(s)'],
    ] as const) {
      const { status, body } = await send({}, 'GET /webhooks', { search });
      assert.deepEqual([status, Object(body).message], [400, [message]]);
    }
  });
});

describe('one endpoint', () => {
  test('200: what it is, and why it is not active', async () => {
    const webhooks = having({
      active: false,
      disabledReason: DisabledReason.FAILING,
      failingSince: timestampFromMs(Date.UTC(2024, 0, 2)),
      rateLimit: 20,
      retryPolicy: { schedule: { case: 'named', value: NamedRetryPolicy.STANDARD } },
      target: {
        case: 'http',
        value: { url: 'https://e.com', signature: SignatureScheme.ED25519, publicKey: 'whpk_a' },
      },
    });
    const { body } = await send({ webhooks }, 'GET /webhooks/:id');
    assert.deepEqual(body, {
      ...SHOWN,
      url: 'https://e.com',
      signature: 'ed25519',
      publicKey: 'whpk_a',
      isActive: false,
      disabledReason: 'failing',
      failingSince: '2024-01-02T00:00:00.000Z',
      rateLimit: 20,
      retryPolicy: 'standard',
    });
  });

  test('404: an id that none can have is not asked for; one that is not called by HTTP is not shown', async () => {
    const missing = { statusCode: 404, message: 'no such endpoint', error: 'Not Found', code: 'NOT_FOUND' };
    const queue = having({ target: { case: 'nats', value: { queue: 'q' } } });
    for (const route of [
      'GET /webhooks/:id',
      'DELETE /webhooks/:id',
      'POST /webhooks/:id/test',
      'POST /webhooks/:id/rotate-secret',
      'GET /webhooks/:id/deliveries',
      'GET /webhooks/:id/replays',
    ]) {
      assert.deepEqual((await send({}, route, { id: 'deliveries' })).body, missing, route);
      assert.deepEqual((await send({ webhooks: queue }, route)).body, missing, route);
    }
    const change = { body: { isActive: false } };
    assert.deepEqual((await send({ webhooks: queue }, 'PATCH /webhooks/:id', change)).body, missing);
    for (const again of ['recover', 'replay']) {
      const { body } = await send({ webhooks: queue }, `POST /webhooks/:id/${again}`, {
        body: { since: '2024-01-01T00:00:00Z' },
      });
      assert.deepEqual(body, missing);
    }
  });

  test('PATCH: just the fields that the body has are named', async () => {
    for (const [body, fields] of [
      [{ url: 'https://other.example' }, ['http.url']],
      [{ headers: {} }, ['http.headers']],
      [{ signature: 'ed25519' }, ['http.signature']],
      [{ isActive: false }, ['active']],
      [{ filter: null, rateLimit: null }, ['filter', 'rate_limit']],
      [{ description: '', events: ['*'], maxInFlight: 1 }, ['events', 'description', 'max_in_flight']],
      [{ ordered: false, retryPolicy: 'standard' }, ['ordered', 'retry_policy']],
    ] as const) {
      const asked: unknown[] = [];
      const updateEndpoint = async ({ request }: UpdateAsked) => {
        const { endpoint: changed, fields: named } = request ?? {};
        asked.push([changed?.id, named, changed?.filter, changed?.rateLimit, changed?.target.case]);
        return { response: { endpoint: endpoint() } };
      };
      const answer = await send({ webhooks: { ...having(), updateEndpoint } }, 'PATCH /webhooks/:id', {
        body,
      });
      assert.deepEqual([answer.status, answer.body], [200, SHOWN]);
      const target = fields[0]?.startsWith('http.') ? 'http' : undefined;
      assert.deepEqual(asked, [[ENDPOINT_ID, fields, undefined, 0, target]]);
    }
    const nothing = await send({}, 'PATCH /webhooks/:id', { body: {} });
    assert.deepEqual(Object(nothing.body).message, ['There must be at least one field to change']);
  });

  test('204: it is deleted, by whom the audit log is told', async () => {
    const asked: unknown[] = [];
    const deleteEndpoint = async ({ caller, request }: DeleteAsked) => {
      asked.push([request?.id, caller?.actor?.userId, caller?.actor?.ipAddress]);
      return { response: {} };
    };
    const headers = { authorization: 'Bearer jwt.member' };
    const answer = await send({ webhooks: { ...having(), deleteEndpoint } }, 'DELETE /webhooks/:id', {
      headers,
    });
    assert.deepEqual([answer.status, answer.body], [204, undefined]);
    assert.deepEqual(asked, [[ENDPOINT_ID, USER_ID, '192.0.2.1']]);
  });

  test('200: a rotation shows the new secret, or public key, to no cache', async () => {
    const previousUntil = timestampFromMs(Date.UTC(2024, 0, 2));
    for (const [secret, shown] of [
      ['whsec_bmV3', { secret: 'whsec_bmV3' }],
      ['whpk_bmV3', { publicKey: 'whpk_bmV3' }],
    ] as const) {
      const rotateEndpointSecret = async () => ({ response: { secret, previousUntil } });
      const webhooks = { ...having(), rotateEndpointSecret };
      const { status, body, reply } = await send({ webhooks }, 'POST /webhooks/:id/rotate-secret');
      assert.deepEqual([status, body], [200, { ...shown, previousUntil: '2024-01-02T00:00:00.000Z' }]);
      assert.deepEqual(reply.headers, ['cache-control', 'no-store']);
    }
  });
});

interface UpdateAsked {
  readonly request?: { readonly endpoint?: Endpoint | undefined; readonly fields: string[] } | undefined;
}

interface DeleteAsked {
  readonly caller?: { readonly actor?: { userId: string; ipAddress: string } | undefined } | undefined;
  readonly request?: { readonly id: string } | undefined;
}
