import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { eventually } from '@millrace/testkit';
import { type CustomerServer, createWebhookWorld, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 120_000, intervalMs: 200 };
const ROUNDS = 3;
const ENDPOINTS = 8;
/** In each round. */
const EVENTS = 60;

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
before(async () => {
  world = await createWebhookWorld();
});
const customers: CustomerServer[] = [];
after(async () => {
  for (const one of customers) await one.close();
  await world?.close();
});

const kill = async (child: ChildProcess): Promise<void> => {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
};

test('a dispatcher that is killed again and again under load: each event reaches each endpoint, none that is recorded twice', async () => {
  customers.push(...(await Promise.all(Array.from({ length: ENDPOINTS }, startCustomer))));
  const api = await world.start();
  for (const [i, { url }] of customers.entries()) {
    await api.createEndpoint({
      target: { case: 'http', value: { url } },
      events: ['load.*'],
      ordered: i % 4 === 0,
      retryPolicy: {
        schedule: { case: 'custom', value: { delays: [20, 200, 200].map((ms) => durationFromMs(ms)) } },
      },
    });
  }
  // Every tenth event fails once at one endpoint in three.
  for (const [i, customer] of customers.entries()) {
    const failed = new Set<string>();
    customer.answer = ({ headers, body }, response) => {
      const id = String(headers['webhook-id']);
      const { data } = JSON.parse(body.toString());
      const fails = i % 3 === 0 && data % 10 === 0 && !failed.has(id);
      if (fails) failed.add(id);
      response.writeHead(fails ? 500 : 200).end();
    };
  }
  await api.close();
  let sent = 0;
  /** What was recorded when a dispatcher died, and how many calls each customer had got by then. */
  const recorded: { sent: ReadonlySet<string>; calls: readonly number[] }[] = [];
  const received = () => customers.reduce((sum, { calls }) => sum + calls.length, 0);
  let child = world.spawn();
  for (let round = 0; round < ROUNDS; round++) {
    const before = received();
    for (const until = sent + EVENTS; sent < until; ) {
      const events = Array.from({ length: 5 }, () => {
        const id = sent++;
        return { id: `load-${id}`, type: 'load.sent', payload: String(id), receivedAtMs: Date.now() };
      });
      await world.publishEvents(events);
    }
    // In the middle of them.
    await eventually(() => assert.ok(received() > before + EVENTS * ENDPOINTS * (0.3 + 0.1 * round)), {
      timeoutMs: 120_000,
      intervalMs: 5,
    });
    await kill(child);
    const sentRows = await world.query<{ id: string }>(
      "SELECT delivery_id AS id FROM webhook_attempts WHERE delivery_status = 'sent'",
    );
    recorded.push({
      sent: new Set(sentRows.map(({ id }) => id)),
      calls: customers.map(({ calls }) => calls.length),
    });
    child = world.spawn();
  }
  const expected = sent * ENDPOINTS;
  const delivered = (customer: CustomerServer) =>
    new Set(customer.calls.map(({ body }) => JSON.parse(body.toString()).data));
  await eventually(() => {
    const reached = customers.reduce((sum, customer) => sum + delivered(customer).size, 0);
    assert.equal(reached, expected);
  }, PATIENCE);
  await sleep(3_000);
  await kill(child);
  let duplicates = 0;
  for (const [i, { calls }] of customers.entries()) {
    const seen = new Map<string, Set<unknown>>();
    const attempts = new Map<string, number>();
    for (const { headers, body } of calls) {
      const id = String(headers['webhook-id']);
      const { data } = JSON.parse(body.toString());
      seen.set(id, (seen.get(id) ?? new Set()).add(data));
      attempts.set(id, (attempts.get(id) ?? 0) + 1);
    }
    assert.equal(seen.size, sent, 'an id for each event');
    for (const data of seen.values()) assert.equal(data.size, 1, 'an id is of one event');
    for (const [id, made] of attempts) {
      const [data] = [...(seen.get(id) ?? [])];
      duplicates += made - (i % 3 === 0 && Number(data) % 10 === 0 ? 2 : 1);
    }
    if (i % 4 !== 0) continue;
    const order = calls.map(({ body }) => JSON.parse(body.toString()).data as number);
    let furthest = -1;
    for (const n of order) {
      assert.ok(n <= furthest + 1, `${n} was delivered before ${furthest + 1}`);
      furthest = Math.max(furthest, n);
    }
  }
  process.stdout.write(`  ${expected} deliveries, ${ROUNDS} kills, ${duplicates} made once more\n`);
  for (const { sent: done, calls: before } of recorded) {
    const again = customers.flatMap(({ calls }, i) =>
      calls.slice(before[i]).filter(({ headers }) => done.has(String(headers['webhook-id']))),
    );
    assert.equal(again.length, 0, `${again.length} of ${done.size} that were recorded`);
  }
});
