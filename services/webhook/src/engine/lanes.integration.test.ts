import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { DisabledReason } from '@millrace/contracts/millrace/api/v1/webhook';
import { DELIVERIES_STREAM, deliverySubject } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import { type CustomerServer, createWebhookWorld, dataOf, startCustomer } from '../../test/webhook-world.ts';

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

const http = (url: string) => ({ target: { case: 'http', value: { url } } }) as const;
let types = 0;
const newType = () => `type-${types++}`;
const numbered = (type: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: `${type}-${from + i}`,
    type,
    payload: String(from + i),
    receivedAtMs: Date.now(),
  }));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = (customerServer: CustomerServer) => (dataOf(customerServer) as number[]).sort((a, b) => a - b);

test('an endpoint is due what comes after it was made, in whichever message', async () => {
  const server = await customer();
  const type = newType();
  await world.publishEvents(numbered(type, 0, 5));
  await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  await world.publishEvents([...numbered('other', 0, 3), ...numbered(type, 5, 8)]);
  await world.publishEvents(numbered(type, 8, 200));
  await eventually(() => assert.equal(server.calls.length, 195), PATIENCE);
  await sleep(300);
  assert.deepEqual(sorted(server), numbers(5, 200));
});

test('copies of an event in the stream are delivered once', async () => {
  const server = await customer();
  const type = newType();
  await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  const copy = { id: 'copied', type, key: type };
  await world.publishEvents([copy]);
  await world.publishEvents([copy, ...numbered(type, 1, 2), copy]);
  await eventually(() => assert.equal(server.calls.length, 2), PATIENCE);
  await sleep(300);
  assert.equal(server.calls.length, 2);
});

test('an ordered endpoint gets its events one at a time in their order, whatever fails', async () => {
  const server = await customer();
  const type = newType();
  let underWay = 0;
  const begun: number[] = [];
  const tries = new Map<number, number>();
  server.answer = ({ body }, response) => {
    const { data } = JSON.parse(body.toString());
    assert.equal(++underWay, 1, 'two at a time');
    begun.push(data);
    const nth = (tries.get(data) ?? 0) + 1;
    tries.set(data, nth);
    setTimeout(() => {
      underWay--;
      response.writeHead(data % 7 === 3 && nth < 3 ? 503 : 200).end();
    }, 2);
  };
  await dispatcher.createEndpoint({
    ...http(server.url),
    events: [type],
    ordered: true,
    maxInFlight: 50,
    retryPolicy: {
      schedule: { case: 'custom', value: { delays: [durationFromMs(20), durationFromMs(20)] } },
    },
  });
  for (let n = 0; n < 100; n += 10) await world.publishEvents(numbered(type, n, n + 10));
  const expected = numbers(0, 100).flatMap((n) => (n % 7 === 3 ? [n, n, n] : [n]));
  await eventually(() => assert.equal(begun.length, expected.length), PATIENCE);
  assert.deepEqual(begun, expected);
});

test('a hanging endpoint and failing ones hold nobody up', async () => {
  const [hanging, failing, healthy] = await Promise.all([customer(), customer(), customer()]);
  const type = newType();
  const open: ServerResponse[] = [];
  hanging.answer = (_, response) => void open.push(response);
  failing.answer = (_, response) => response.writeHead(500).end();
  for (const { url } of [hanging, failing, healthy]) {
    await dispatcher.createEndpoint({ ...http(url), events: [type] });
  }
  for (let n = 0; n < 400; n += 20) await world.publishEvents(numbered(type, n, n + 20));
  await eventually(() => assert.equal(healthy.calls.length, 400), PATIENCE);
  assert.deepEqual(sorted(healthy), numbers(0, 400));
  assert.equal(hanging.calls.length, 10, 'as many as may be under way');
  // Ten failures in a row: it is left alone, and what it is due waits for it.
  assert.ok(failing.calls.length < 40, `${failing.calls.length} calls to one that fails`);
  hanging.answer = (_, response) => response.end();
  for (const response of open.splice(0)) response.end();
  await eventually(() => assert.equal(hanging.calls.length, 400), PATIENCE);
  assert.deepEqual(sorted(hanging), numbers(0, 400));
  failing.answer = (_, response) => response.end();
  await eventually(() => assert.equal(new Set(dataOf(failing)).size, 400), PATIENCE);
});

test('410 disables an endpoint; made active again it goes on where it stopped', async () => {
  const server = await customer();
  const type = newType();
  server.answer = (_, response) => response.writeHead(410).end();
  const { id } = await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  await world.publishEvents(numbered(type, 0, 1));
  await eventually(async () => {
    const endpoint = await dispatcher.getEndpoint(id);
    assert.deepEqual([endpoint?.active, endpoint?.disabledReason], [false, DisabledReason.GONE]);
  }, PATIENCE);
  await world.publishEvents(numbered(type, 1, 50));
  await sleep(300);
  assert.equal(server.calls.length, 1);
  server.answer = (_, response) => response.end();
  await dispatcher.updateEndpoint(id, ['active'], { active: true });
  await eventually(() => assert.equal(server.calls.length, 50), PATIENCE);
  assert.deepEqual(sorted(server), numbers(0, 50));
});

test('what has left the stream is read from the store', async () => {
  const server = await customer();
  const type = newType();
  const { id } = await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  await dispatcher.updateEndpoint(id, ['active'], { active: false });
  for (let n = 0; n < 1_200; n += 100) {
    await world.publishEvents([...numbered(type, n, n + 100), ...numbered('other', n, n + 3)]);
  }
  const rows = () =>
    world.query<{ n: string }>(`SELECT count() AS n FROM events WHERE event_type = '${type}'`);
  await eventually(async () => assert.equal(Number((await rows())[0]?.n), 1_200), PATIENCE);
  await world.trimStream();
  await world.publishEvents(numbered(type, 1_200, 1_300));
  await dispatcher.updateEndpoint(id, ['active'], { active: true });
  await eventually(() => assert.ok(server.calls.length >= 1_300), PATIENCE);
  await sleep(300);
  assert.deepEqual(sorted(server), numbers(0, 1_300));
});

test('of a deleted endpoint nothing is attempted any more', async () => {
  const server = await customer();
  const type = newType();
  server.answer = (_, response) => response.writeHead(500).end();
  const { id } = await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  await world.publishEvents(numbered(type, 0, 3));
  await eventually(() => assert.equal(server.calls.length, 3), PATIENCE);
  await dispatcher.deleteEndpoint(id);
  await world.publishEvents(numbered(type, 3, 6));
  await sleep(1_500);
  assert.equal(server.calls.length, 3);
});

test('a queue gets each event once, and once more what is asked for again', async () => {
  const type = newType();
  const { id } = await dispatcher.createEndpoint({
    target: { case: 'nats', value: { queue: 'orders' } },
    events: [type],
  });
  await world.publishEvents(numbered(type, 0, 3));
  const deliveries = () =>
    world.query<{ id: string }>(
      `SELECT delivery_id AS id FROM webhook_attempts WHERE endpoint_id = '${id}' AND delivery_status = 'sent'`,
    );
  await eventually(async () => assert.equal((await deliveries()).length, 3), PATIENCE);
  const [first] = await deliveries();
  await dispatcher.resend(first?.id ?? '');
  await eventually(async () => assert.equal((await deliveries()).length, 4), PATIENCE);
  const messages = await world.readStream(DELIVERIES_STREAM, deliverySubject('w', 'orders'));
  assert.deepEqual(messages.map(({ body }) => JSON.parse(body).data).sort(), [0, 0, 1, 2]);
  assert.equal(messages.filter(({ id: one }) => one === first?.id).length, 2);
});

test('of a stream that has come in the place of another everything is due', async () => {
  const server = await customer();
  const type = newType();
  await dispatcher.createEndpoint({ ...http(server.url), events: [type] });
  await world.publishEvents(numbered(type, 0, 40));
  await eventually(() => assert.equal(server.calls.length, 40), PATIENCE);
  await dispatcher.close();
  await world.replaceStream();
  await world.publishEvents(numbered(type, 40, 45));
  dispatcher = await world.start();
  await eventually(() => assert.equal(server.calls.length, 45), PATIENCE);
  assert.deepEqual(sorted(server), numbers(0, 45));
});
