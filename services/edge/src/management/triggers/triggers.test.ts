import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '@millrace/contracts/millrace/api/v1/webhook';
import {
  DELIVERY_ID,
  delivery,
  ENDPOINT_ID,
  endpoint,
  having,
  SHOWN_FIELDS,
  send,
} from '../../../test/endpoints.ts';

const TEMPORAL = {
  kind: 'temporal',
  namespace: 'default',
  taskQueue: 'orders',
  workflowType: 'fulfil',
  signal: 'placed',
  workflowIdPath: 'payload.orderId',
};
const TARGETS = [
  { kind: 'http', url: 'https://example.com', headers: { 'X-A': 'b' }, signature: 'ed25519' },
  TEMPORAL,
  { kind: 'nats', queue: 'my-queue_1' },
];

/** A service that keeps what it is told, and has a secret for each. */
function keeping(kept: { endpoint?: Endpoint | undefined; fields?: readonly string[] }) {
  return {
    async createEndpoint({ request }: { request?: { endpoint?: Endpoint | undefined } | undefined }) {
      kept.endpoint = request?.endpoint;
      const secret = kept.endpoint?.target.case === 'http' ? 'whsec_c2VjcmV0' : '';
      return { response: { endpoint: { ...endpoint(), ...targetOf(kept) }, secret } };
    },
    async updateEndpoint({
      request,
    }: {
      request?: { endpoint?: Endpoint | undefined; fields: string[] } | undefined;
    }) {
      Object.assign(kept, request);
      return { response: { endpoint: { ...endpoint(), ...targetOf(kept) } } };
    },
  };
}

function targetOf({ endpoint: kept }: { endpoint?: Endpoint | undefined }) {
  return kept === undefined ? {} : { target: kept.target };
}

for (const target of TARGETS) {
  test(`201: a target that is ${target.kind}, as it was given`, async () => {
    const { status, body, reply } = await send({ webhooks: keeping({}) }, 'POST /v1/triggers', {
      body: { events: ['message.*'], target },
    });
    assert.equal(status, 201, reply.body);
    const isHttp = target.kind === 'http';
    assert.deepEqual(body, {
      id: ENDPOINT_ID,
      target: isHttp ? { ...target, publicKey: null } : target,
      ...SHOWN_FIELDS,
      ...(isHttp && { secret: 'whsec_c2VjcmV0' }),
    });
    assert.deepEqual(reply.headers, ['cache-control', 'no-store']);
  });
}

test('201: the event names the workflow, and starts it, where nothing else is said', async () => {
  const { signal, workflowIdPath, ...target } = TEMPORAL;
  const { body } = await send({ webhooks: keeping({}) }, 'POST /v1/triggers', {
    body: { events: ['*'], target },
  });
  assert.deepEqual(Object(body).target, { ...target, signal: '', workflowIdPath: '' });
});

test('400: each field of a target that is wrong is named', async () => {
  for (const [target, field] of [
    [undefined, 'target'],
    [{}, 'target.kind'],
    [{ kind: 'smtp' }, 'target.kind'],
    [{ kind: 'http' }, 'target.url'],
    [{ kind: 'http', url: 'https://e.com', queue: 'q' }, 'target.queue'],
    [{ ...TEMPORAL, taskQueue: '' }, 'target.taskQueue'],
    [{ ...TEMPORAL, workflowType: 'a'.repeat(201) }, 'target.workflowType'],
    [{ kind: 'nats', queue: 'a.b' }, 'target.queue'],
    [{ kind: 'nats', queue: '' }, 'target.queue'],
  ] as const) {
    const { status, body } = await send({}, 'POST /v1/triggers', { body: { events: ['*'], target } });
    assert.equal(status, 400, JSON.stringify(target));
    assert.deepEqual(
      Object(body).errors.map((error: { field: string }) => error.field),
      [field],
    );
  }
});

test('PATCH: of an http target the fields that are given, another target as a whole', async () => {
  for (const [body, fields] of [
    [{ target: { kind: 'http', headers: {} } }, ['http.headers']],
    [
      { target: { kind: 'http', url: 'https://e.com', signature: 'ed25519' } },
      ['http.url', 'http.signature'],
    ],
    [{ target: TEMPORAL, isActive: true }, ['temporal', 'active']],
    [{ target: { kind: 'nats', queue: 'q' } }, ['nats']],
    [{ filter: null }, ['filter']],
  ] as const) {
    const kept: { endpoint?: Endpoint; fields?: readonly string[] } = {};
    const { status, reply } = await send({ webhooks: keeping(kept) }, 'PATCH /v1/triggers/:id', { body });
    const isNone = kept.endpoint?.target.case === undefined;
    // What the double answers without a target can't be shown.
    assert.equal(status, isNone ? 500 : 200, reply.body);
    assert.deepEqual([kept.endpoint?.id, kept.fields], [ENDPOINT_ID, fields]);
  }
  for (const body of [{}, { target: { kind: 'http' } }]) {
    assert.equal((await send({}, 'PATCH /v1/triggers/:id', { body })).status, 400);
  }
});

test('200: a page has every kind of target', async () => {
  const queue = endpoint({ target: { case: 'nats', value: { queue: 'q' } } });
  const listEndpoints = async () => ({ response: { endpoints: [endpoint(), queue], nextPageToken: '' } });
  const { body } = await send({ webhooks: { listEndpoints } }, 'GET /v1/triggers');
  assert.deepEqual(
    Object(body).triggers.map((one: { target: { kind: string } }) => one.target.kind),
    ['http', 'nats'],
  );
  assert.equal(Object(body).nextCursor, null);
});

test('its deliveries, and its end', async () => {
  const webhooks = {
    ...having({ target: { case: 'nats', value: { queue: 'q' } } }),
    deleteEndpoint: async () => ({ response: {} }),
  };
  const listDeliveries = async () => ({ response: { deliveries: [delivery()], nextPageToken: '' } });
  const listed = await send({ webhooks, deliveries: { listDeliveries } }, 'GET /v1/triggers/:id/deliveries');
  assert.equal(Object(listed.body).deliveries[0].id, DELIVERY_ID);
  assert.equal((await send({ webhooks }, 'DELETE /v1/triggers/:id')).status, 204);
  const unknown = await send({}, 'GET /v1/triggers/:id', { id: 'none' });
  assert.deepEqual([unknown.status, Object(unknown.body).detail], [404, 'no such endpoint']);
});
