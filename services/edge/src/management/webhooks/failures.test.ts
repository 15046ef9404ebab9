import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldError, MillraceError } from '@millrace/runtime';
import { having, send } from '../../../test/endpoints.ts';

const NEW_WEBHOOK = { url: 'https://example.com', events: ['*'] };
const NEW_TRIGGER = { events: ['*'], target: { kind: 'http', url: 'https://example.com' } };

/** Fields as the service names them, and where both APIs have them. */
const BLAMED = [
  ['http.url', 'url', 'target.url'],
  ['endpoint.http.url', 'url', 'target.url'],
  ['http.headers', 'headers', 'target.headers'],
  ['http.headers.x_a.b', 'headers.x_a.b', 'target.headers.x_a.b'],
  ['events[1]', 'events[1]', 'events[1]'],
  ['max_in_flight', 'maxInFlight', 'maxInFlight'],
  ['retry_policy.custom.delays[2]', 'retryPolicy.delays[2]', 'retryPolicy.delays[2]'],
  ['active', 'isActive', 'isActive'],
  ['filter.all.filters[2].comparison.field', 'filter.and[2].field', 'filter.and[2].field'],
  ['endpoint.target', 'url', 'target'],
] as const;

for (const [field, inWebhook, inTrigger] of BLAMED) {
  test(`400: ${field} of the service is ${inWebhook} and ${inTrigger}`, async () => {
    const refusing = () => {
      throw fieldError(field, 'is wrong');
    };
    const behind = { webhooks: { ...having(), createEndpoint: refusing, updateEndpoint: refusing } };
    const { isActive } = { isActive: true };
    for (const [route, body] of [
      ['POST /webhooks', NEW_WEBHOOK],
      ['PATCH /webhooks/:id', { isActive }],
    ] as const) {
      const answer = await send(behind, route, { body });
      assert.deepEqual([answer.status, Object(answer.body).message], [400, [`${inWebhook}: is wrong`]]);
    }
    for (const [route, body] of [
      ['POST /v1/triggers', NEW_TRIGGER],
      ['PATCH /v1/triggers/:id', { isActive }],
    ] as const) {
      const answer = await send(behind, route, { body });
      assert.equal(answer.status, 400);
      assert.deepEqual(Object(answer.body).errors, [
        { field: inTrigger, code: 'custom', detail: 'is wrong' },
      ]);
    }
  });
}

test('409: a workspace has as many as it may, which is for its people to change', async () => {
  const createEndpoint = () => {
    throw new MillraceError('resource_exhausted', 'a workspace has at most 1000 endpoints');
  };
  const webhook = await send({ webhooks: { createEndpoint } }, 'POST /webhooks', { body: NEW_WEBHOOK });
  assert.deepEqual(webhook.body, {
    statusCode: 409,
    message: 'a workspace has at most 1000 endpoints',
    error: 'Conflict',
    code: 'CONFLICT',
  });
  const trigger = await send({ webhooks: { createEndpoint } }, 'POST /v1/triggers', { body: NEW_TRIGGER });
  assert.deepEqual([trigger.status, Object(trigger.body).code], [409, 'contradiction']);
});

test('503 while the service is away, 500 for what nobody foresaw, of which nothing is told', async () => {
  for (const [code, status] of [
    ['unavailable', 503],
    ['deadline_exceeded', 503],
    ['internal', 500],
  ] as const) {
    const getEndpoint = () => {
      throw new MillraceError(code, 'a secret detail');
    };
    for (const route of ['GET /webhooks/:id', 'GET /v1/triggers/:id']) {
      const answer = await send({ webhooks: { getEndpoint } }, route);
      assert.equal(answer.status, status, route);
      assert.ok(!answer.reply.body.includes('secret'), answer.reply.body);
    }
  }
});

test('401 and 403: every route needs webhooks:manage, in either header', async () => {
  for (const route of ['GET /webhooks', 'POST /webhooks', 'POST /webhooks/:id/test', 'GET /v1/triggers']) {
    for (const [headers, status] of [
      [{}, 401],
      [{ 'x-api-key': 'sk_unknown' }, 401],
      [{ 'x-api-key': 'sk_other' }, 403],
      [{ authorization: 'Bearer sk_other' }, 403],
    ] as const) {
      const answer = await send({}, route, {
        headers,
        ...(route.startsWith('POST') && { body: NEW_WEBHOOK }),
      });
      assert.equal(answer.status, status, `${route} ${JSON.stringify(headers)}`);
    }
  }
});
