import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { eventually } from '@millrace/testkit';
import { Webhook } from 'standardwebhooks';
import { type CustomerServer, createWebhookWorld, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 30_000 };

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
let dispatcher: Awaited<ReturnType<typeof world.start>>;
const customers: CustomerServer[] = [];
before(async () => {
  world = await createWebhookWorld();
  dispatcher = await world.start();
});
after(() => world?.close());
afterEach(async () => {
  for (const one of customers.splice(0)) await one.close();
});

async function customer(): Promise<CustomerServer> {
  const one = await startCustomer();
  customers.push(one);
  return one;
}

const http = (url: string, headers: Record<string, string> = {}) =>
  ({ target: { case: 'http', value: { url, headers } } }) as const;

test('an event is posted with the documented headers and body, and its signature is good', async () => {
  const server = await customer();
  const { id, secret } = await dispatcher.createEndpoint({
    ...http(`${server.url}/hook?a=b`, { 'X-Own': 'mine' }),
    events: ['order.*'],
  });
  await world.publishEvents([
    { id: 'e1', type: 'order.paid', payload: '{"total": 12.50,"big":12345678901234567890}' },
    { id: 'e2', type: 'user.created' },
    { id: 'e3', type: 'order.paid', workspaceId: 'other' },
  ]);
  await eventually(() => assert.equal(server.calls.length, 1), PATIENCE);
  const [call] = server.calls;
  assert.ok(call);
  assert.equal(call.path, '/hook?a=b');
  assert.equal(
    call.body.toString(),
    '{"event":"order.paid","timestamp":"1970-01-01T00:00:00.000Z","data":{"total": 12.50,"big":12345678901234567890}}',
  );
  const { headers } = call;
  const sent = [
    headers['content-type'],
    headers['user-agent'],
    headers['x-webhook-event'],
    headers['x-webhook-attempt'],
    headers['x-own'],
  ];
  assert.deepEqual(sent, ['application/json', 'ChatbotSaaS-Webhook/1.0', 'order.paid', '1', 'mine']);
  assert.match(String(headers['x-webhook-id']), /^dlv_[A-Za-z0-9_-]{22}$/);
  assert.equal(headers['x-webhook-id'], headers['webhook-id']);
  new Webhook(secret).verify(call.body, {
    'webhook-id': String(headers['webhook-id']),
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  });
  await eventually(async () => {
    const { response } = await world.deliveries.listDeliveries(
      { workspaceId: 'w', request: { endpointId: id } },
      { timeoutMs: 5_000 },
    );
    const [delivery, ...others] = response?.deliveries ?? [];
    assert.equal(others.length, 0);
    assert.deepEqual(
      [delivery?.id, delivery?.status, delivery?.attemptCount, delivery?.eventId],
      [headers['webhook-id'], DeliveryStatus.SENT, 1, 'e1'],
    );
  }, PATIENCE);
});

test('three attempts, at once, after one second and after two more, then it is given up', async () => {
  const server = await customer();
  server.answer = (_, response) => response.writeHead(500).end('oops, it is broken');
  const { id } = await dispatcher.createEndpoint(http(server.url));
  await world.publishEvents([{ id: 'r1', type: 'retried' }]);
  await eventually(() => assert.equal(server.calls.length, 3), PATIENCE);
  const attempts = server.calls.map(({ headers }) => headers['x-webhook-attempt']);
  assert.deepEqual(attempts, ['1', '2', '3']);
  assert.equal(new Set(server.calls.map(({ headers }) => headers['webhook-id'])).size, 1);
  const [first = 0, second = 0, third = 0] = server.calls.map(({ atMs }) => atMs);
  assert.ok(second - first >= 990, `${second - first} ms before the second`);
  assert.ok(third - second >= 1_990, `${third - second} ms before the third`);
  const deliveryId = String(server.calls[0]?.headers['webhook-id']);
  await eventually(async () => {
    const { delivery } = await world.deliveries.getDelivery(
      { workspaceId: 'w', id: deliveryId },
      { timeoutMs: 5_000 },
    );
    assert.deepEqual(
      [delivery?.endpointId, delivery?.status, delivery?.attemptCount, delivery?.lastError],
      [id, DeliveryStatus.FAILED, 3, 'HTTP 500: oops, it is broken'],
    );
  }, PATIENCE);
});
