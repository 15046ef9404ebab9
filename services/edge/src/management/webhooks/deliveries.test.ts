import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  DeliveryCause,
  DeliveryStatus,
  type ListDeliveriesRequest,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError, MillraceError } from '@millrace/runtime';
import { WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { DELIVERY_ID, delivery, ENDPOINT_ID, having, MADE, send } from '../../../test/endpoints.ts';

const PAYLOAD = '{"n": 12345678901234567890, "f":1.10}';
const SHOWN = {
  id: DELIVERY_ID,
  url: 'https://example.com/hooks',
  event: 'message.received',
  payload: JSON.parse(PAYLOAD),
  status: 'PENDING',
  attempts: 1,
  lastError: 'HTTP 500: oops',
  createdAt: MADE,
  processedAt: null,
  endpointId: ENDPOINT_ID,
  eventId: 'evt_1',
  nextAttemptAt: '2024-01-01T00:00:01.000Z',
};
const ATTEMPT = {
  number: 1,
  startedAt: MADE,
  tookMs: 87,
  status: 500,
  error: 'HTTP 500: oops',
  response: 'oops',
  responseEncoding: 'utf-8',
  address: '198.51.100.7:443',
  cause: 'event',
};

describe('GET /webhooks/:id/deliveries', () => {
  test('200: the documented fields, with the payload byte for byte', async () => {
    const asked: [string, ListDeliveriesRequest | undefined][] = [];
    const deliveries = {
      async listDeliveries({
        workspaceId,
        request,
      }: {
        workspaceId: string;
        request?: ListDeliveriesRequest | undefined;
      }) {
        asked.push([workspaceId, request]);
        const gone = delivery({ payloadJson: Buffer.alloc(0), lastError: '', status: DeliveryStatus.SENT });
        return { response: { deliveries: [delivery(), gone], nextPageToken: 'next' } };
      },
    };
    const search =
      'status=FAILED&event=message.received&eventId=evt_1&from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&limit=7&cursor=c';
    const answer = await send({ webhooks: having(), deliveries }, 'GET /webhooks/:id/deliveries', { search });
    assert.deepEqual(answer.body, {
      deliveries: [SHOWN, { ...SHOWN, payload: null, lastError: null, status: 'SENT' }],
      nextCursor: 'next',
    });
    assert.ok(answer.reply.body.includes(`"payload":${PAYLOAD},`), answer.reply.body);
    const [[workspaceId, request] = assert.fail()] = asked;
    assert.equal(workspaceId, WORKSPACE_ID);
    const { endpointId, status, event, eventId, from, to, pageSize, pageToken } = request ?? assert.fail();
    assert.deepEqual(
      [endpointId, status, event, eventId, pageSize, pageToken],
      [ENDPOINT_ID, DeliveryStatus.FAILED, 'message.received', 'evt_1', 7, 'c'],
    );
    assert.equal(from && timestampMs(from), Date.UTC(2024, 0, 1));
    assert.equal(to && timestampMs(to), Date.UTC(2024, 0, 2));
  });

  test('400: each parameter that is wrong is named, also where analytics refuses it', async () => {
    for (const [search, message] of [
      ['status=failed', 'status: must be one of PENDING, SENT, FAILED'],
      ['from=yesterday', /^from: /],
      ['limit=201', 'limit: must be 1 to 200'],
      ['event=', 'event: String must contain at least 1 character(s)'],
    ] as const) {
      const { status, body } = await send({ webhooks: having() }, 'GET /webhooks/:id/deliveries', { search });
      assert.equal(status, 400);
      const [said, ...more] = Object(body).message;
      assert.deepEqual(more, []);
      if (typeof message === 'string') assert.equal(said, message);
      else assert.match(said, message);
    }
    const listDeliveries = () => {
      throw fieldError('page_token', 'is of another list');
    };
    const refused = await send(
      { webhooks: having(), deliveries: { listDeliveries } },
      'GET /webhooks/:id/deliveries',
    );
    assert.deepEqual(Object(refused.body).message, ['cursor: is of another list']);
  });

  test('404: the endpoint of another workspace has no list', async () => {
    const getEndpoint = () => {
      throw new MillraceError('not_found', 'no such endpoint');
    };
    const { status, body } = await send({ webhooks: { getEndpoint } }, 'GET /webhooks/:id/deliveries');
    assert.deepEqual([status, Object(body).message], [404, 'no such endpoint']);
  });

  test('503: no turn in the store is no matter of limits on endpoints', async () => {
    const listDeliveries = () => {
      throw new MillraceError('resource_exhausted', 'too many questions');
    };
    const answer = await send(
      { webhooks: having(), deliveries: { listDeliveries } },
      'GET /webhooks/:id/deliveries',
    );
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.reply.headers, ['retry-after', '5']);
  });
});

describe('one delivery', () => {
  test('200: with its attempts; answers that are no text are in base64', async () => {
    const cut = Buffer.from('über é').subarray(0, -1);
    const [first = assert.fail()] = delivery().attempts;
    const attempts = [
      first,
      { ...first, number: 2, response: Buffer.from([0xff, 0xfe, 0]), cause: DeliveryCause.RESEND },
      { ...first, number: 3, response: cut, cause: DeliveryCause.REPLAY, status: 0, address: '', error: '' },
    ];
    const getDelivery = async () => ({ delivery: delivery({ attempts }) });
    const { status, body, reply } = await send(
      { deliveries: { getDelivery } },
      'GET /webhooks/deliveries/:id',
      {
        id: DELIVERY_ID,
      },
    );
    assert.equal(status, 200);
    assert.deepEqual(body, {
      ...SHOWN,
      attemptLog: [
        ATTEMPT,
        { ...ATTEMPT, number: 2, response: '//4A', responseEncoding: 'base64', cause: 'resend' },
        {
          ...ATTEMPT,
          number: 3,
          response: 'über ',
          cause: 'replay',
          status: null,
          address: null,
          error: null,
        },
      ],
    });
    assert.ok(reply.body.includes(`"payload":${PAYLOAD},`));
  });

  test('404: what can be no id of a delivery is not asked for', async () => {
    for (const id of ['1', `dlv_${'a'.repeat(21)}`, `dlv_${'a'.repeat(23)}`, `dlv_${'!'.repeat(22)}`]) {
      for (const route of ['GET /webhooks/deliveries/:id', 'POST /webhooks/deliveries/:id/resend']) {
        const { status, body } = await send({}, route, { id });
        assert.deepEqual([status, Object(body).message], [404, 'no such delivery'], id);
      }
    }
  });

  test('202: one is sent again', async () => {
    const asked: unknown[] = [];
    const resendDelivery = async ({ request }: { request?: { id: string } | undefined }) => {
      asked.push(request?.id);
      return { response: { delivery: delivery() } };
    };
    const answer = await send({ webhooks: { resendDelivery } }, 'POST /webhooks/deliveries/:id/resend', {
      id: DELIVERY_ID,
    });
    assert.deepEqual([answer.status, answer.body, asked], [202, SHOWN, [DELIVERY_ID]]);
  });

  test('200: a test answers what came of it', async () => {
    const testEndpoint = async () => ({ response: { delivery: delivery() } });
    const answer = await send({ webhooks: { ...having(), testEndpoint } }, 'POST /webhooks/:id/test');
    assert.deepEqual([answer.status, answer.body], [200, { ...SHOWN, attemptLog: [ATTEMPT] }]);
  });
});
