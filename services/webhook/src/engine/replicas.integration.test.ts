import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { eventually, freeze } from '@millrace/testkit';
import { type CustomerServer, createWebhookWorld, dataOf, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 60_000, intervalMs: 50 };
const ENDPOINTS = 16;

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
const customers: CustomerServer[] = [];
before(async () => {
  world = await createWebhookWorld();
});
const children: ChildProcess[] = [];
const killAll = async () => {
  for (const child of children.splice(0)) {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
};
after(async () => {
  await killAll();
  for (const one of customers) await one.close();
  await world?.close();
});

let sent = 0;
const publish = (type: string, count: number) =>
  world.publishEvents(
    Array.from({ length: count }, () => {
      const id = sent++;
      return { id: `${type}-${id}`, type, payload: String(id), receivedAtMs: Date.now() };
    }),
  );
const servedBy = async (replica: Awaited<ReturnType<typeof world.start>>) => {
  const [, count = '0'] = /^millrace_webhook_endpoints (\d+)$/m.exec(await replica.registry.metrics()) ?? [];
  return Number(count);
};

test('replicas share the endpoints out; one that stops leaves its own to the others at once', async () => {
  const servers = await Promise.all(Array.from({ length: ENDPOINTS }, startCustomer));
  customers.push(...servers);
  const settings = { WEBHOOK_PARTITIONS: '4' };
  const replicas = await Promise.all([world.start({ settings }), world.start({ settings })]);
  const [first, second] = replicas;
  for (const { url } of servers) {
    await first.createEndpoint({ target: { case: 'http', value: { url } }, events: ['shared'] });
  }
  await eventually(async () => {
    const [one = 0, other = 0] = await Promise.all(replicas.map(servedBy));
    assert.equal(one + other, ENDPOINTS);
    assert.ok(one > 0 && other > 0, `${one} and ${other}`);
  }, PATIENCE);
  await publish('shared', 20);
  await eventually(() => {
    for (const server of servers) assert.equal(server.calls.length, 20);
  }, PATIENCE);
  await first.close();
  await publish('shared', 20);
  await eventually(() => {
    for (const server of servers) assert.equal(server.calls.length, 40);
  }, PATIENCE);
  assert.equal(await servedBy(second), ENDPOINTS);
  await sleep(500);
  for (const server of servers) assert.equal(new Set(dataOf(server)).size, server.calls.length);
  await second.close();
});

test('one that is paused for longer than its lease sends nothing that another has sent when it wakes', async () => {
  const server = await startCustomer();
  customers.push(server);
  const api = await world.start();
  await api.createEndpoint({
    target: { case: 'http', value: { url: server.url } },
    events: ['paused'],
    ordered: true,
  });
  await api.close();
  const paused = world.spawn();
  children.push(paused);
  await publish('paused', 30);
  // What it has not recorded when it stops is rightly delivered once more.
  await eventually(async () => {
    const [row] = await world.query<{ n: string }>(
      "SELECT count() AS n FROM webhook_attempts WHERE event_type = 'paused'",
    );
    assert.equal(Number(row?.n), 30);
  }, PATIENCE);
  await freeze(paused.pid ?? assert.fail('it has no pid'));
  const other = world.spawn();
  children.push(other);
  await publish('paused', 30);
  await eventually(() => assert.equal(server.calls.length, 60), PATIENCE);
  paused.kill('SIGCONT');
  await publish('paused', 30);
  await eventually(() => assert.ok(server.calls.length >= 90), PATIENCE);
  await sleep(1_500);
  const numbers = dataOf(server) as number[];
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
    'in their order',
  );
  assert.equal(new Set(numbers).size, 90);
  assert.equal(numbers.length, 90);
  await killAll();
});

test('the schedule of retries survives the process that made it', async () => {
  const server = await startCustomer();
  customers.push(server);
  server.answer = (_, response) => response.writeHead(500).end();
  const delays = [500, 4_000].map((ms) => durationFromMs(ms));
  const first = await world.start();
  for (const ordered of [false, true]) {
    await first.createEndpoint({
      target: { case: 'http', value: { url: server.url } },
      events: ['scheduled'],
      retryPolicy: { schedule: { case: 'custom', value: { delays } } },
      ordered,
    });
  }
  await publish('scheduled', 1);
  await eventually(() => assert.equal(server.calls.length, 4), PATIENCE);
  // Until both second attempts are recorded.
  await first.close();
  const again = await world.start();
  await eventually(() => assert.equal(server.calls.length, 6), PATIENCE);
  await sleep(500);
  const attempts = server.calls.map(({ headers }) => `${headers['x-webhook-attempt']}`).sort();
  assert.deepEqual(attempts, ['1', '1', '2', '2', '3', '3']);
  for (const id of new Set(server.calls.map(({ headers }) => headers['webhook-id']))) {
    const [, second = 0, third = 0] = server.calls
      .filter(({ headers }) => headers['webhook-id'] === id)
      .map(({ atMs }) => atMs);
    assert.ok(third - second >= 3_950, `${third - second} ms before the third`);
  }
  await again.close();
});
