import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoint } from '@millrace/contracts/millrace/api/v1/webhook';
import { WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { ENDPOINT_ID, endpoint, SHOWN, send } from '../../../test/endpoints.ts';

const BAD_POLICY =
  'retryPolicy: must be "fast", "standard" or {"delays":[…]} with at most 20 times of 0 to 86400 seconds';
const URL_ONLY = { url: 'https://example.com/hooks', events: ['message.*'] };

describe('POST /webhooks', () => {
  test('201: only url and events are needed; the secret is shown, to no cache', async () => {
    const created: unknown[] = [];
    const { status, body, reply } = await send(
      {
        webhooks: {
          async createEndpoint({ caller, request }) {
            created.push([caller?.workspaceId, caller?.actor?.credentialId, request?.endpoint?.active]);
            return { response: { endpoint: request?.endpoint && endpoint(), secret: 'whsec_c2VjcmV0' } };
          },
        },
      },
      'POST /webhooks',
      { body: URL_ONLY },
    );
    assert.equal(status, 201);
    assert.deepEqual(body, { ...SHOWN, secret: 'whsec_c2VjcmV0' });
    assert.deepEqual(reply.headers, ['cache-control', 'no-store']);
    assert.deepEqual(created, [[WORKSPACE_ID, 'id of sk_manager', true]]);
  });

  test('201: every field goes both ways', async () => {
    let asked: Endpoint | undefined;
    const given = {
      url: 'https://example.com/hooks',
      events: ['a', 'b.*', '*'],
      description: 'Ours',
      isActive: false,
      filter: {
        and: [{ field: 'payload.plan', in: ['gold', 7, true] }, { not: { field: 'userId', exists: true } }],
      },
      headers: { 'X-Tenant': 'acme' },
      rateLimit: 0.5,
      maxInFlight: 3,
      ordered: true,
      retryPolicy: { delays: [0, 1.5, 86_400] },
      signature: 'ed25519',
    };
    const { status, body } = await send(
      {
        webhooks: {
          async createEndpoint({ request }) {
            asked = request?.endpoint;
            return { response: { ...(asked && { endpoint: { ...asked, id: ENDPOINT_ID } }) } };
          },
        },
      },
      'POST /webhooks',
      { body: given, headers: { authorization: 'Bearer jwt.member' } },
    );
    assert.equal(status, 201);
    const unknown = { publicKey: null, failingSince: null, createdAt: null, updatedAt: null };
    assert.deepEqual(body, { id: ENDPOINT_ID, ...given, ...unknown, disabledReason: 'unknown' });
    assert.equal(asked?.active, false);
    assert.deepEqual(
      asked?.retryPolicy?.schedule.case === 'custom' &&
        asked.retryPolicy.schedule.value.delays.map(({ seconds, nanos }) => [seconds, nanos]),
      [
        [0n, 0],
        [1n, 500_000_000],
        [86_400n, 0],
      ],
    );
  });

  test('400: each field that is wrong is named', async () => {
    for (const [changes, message] of [
      [{ url: undefined }, 'url is required'],
      [{ url: '' }, 'url: String must contain at least 1 character(s)'],
      [{ url: `https://${'a'.repeat(2_048)}` }, 'url: String must contain at most 2048 character(s)'],
      [{ events: undefined }, 'events is required'],
      [{ events: [] }, 'events: Array must contain at least 1 element(s)'],
      [{ events: Array(51).fill('a') }, 'events: Array must contain at most 50 element(s)'],
      [{ events: ['a', 1] }, 'events[1]: Expected string, received number'],
      [{ description: 'a'.repeat(501) }, 'description: String must contain at most 500 character(s)'],
      [{ isActive: 'yes' }, 'isActive: Expected boolean, received string'],
      [{ filter: { field: 'a' } }, /^filter: a field needs one of eq, in/],
      [
        { filter: { and: [{ field: 'a', eq: {} }] } },
        'filter.and[0].eq: must be text, a number, true or false',
      ],
      [{ headers: { a: 1 } }, 'headers.a: Expected string, received number'],
      [{ headers: [] }, 'headers: Expected object, received array'],
      [
        { headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, ''])) },
        'headers: must have at most 20 headers',
      ],
      [{ rateLimit: 0 }, 'rateLimit: Number must be greater than or equal to 0.001'],
      [{ maxInFlight: 101 }, 'maxInFlight: Number must be less than or equal to 100'],
      [{ ordered: null }, 'ordered: Expected boolean, received null'],
      [{ retryPolicy: 'slow' }, BAD_POLICY],
      [{ retryPolicy: { delays: [-1] } }, 'retryPolicy.delays[0]: Number must be greater than or equal to 0'],
      [{ retryPolicy: { delays: Array(21).fill(1) } }, BAD_POLICY],
      [{ signature: 'md5' }, 'signature: must be one of hmac-sha256, ed25519'],
      [{ fitler: {} }, 'fitler: Unknown field'],
      [{ secret: 'whsec_mine' }, 'secret: Unknown field'],
    ] as const) {
      const { status, body } = await send({}, 'POST /webhooks', { body: { ...URL_ONLY, ...changes } });
      assert.equal(status, 400, JSON.stringify(changes));
      const { message: said, ...rest } = Object(body);
      assert.deepEqual(rest, { statusCode: 400, error: 'Bad Request', code: 'VALIDATION_ERROR' });
      assert.equal(said.length, 1, JSON.stringify(said));
      if (typeof message === 'string') assert.equal(said[0], message);
      else assert.match(said[0], message);
    }
  });
});
