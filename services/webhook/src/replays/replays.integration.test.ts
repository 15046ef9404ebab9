import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { DeliveryCause, DeliveryStatus, ReplayStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { eventually } from '@millrace/testkit';
import { type CustomerServer, createWebhookWorld, dataOf, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 30_000 };
const TIMEOUT_MS = 10_000;

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

async function endpointFor(type: string) {
  const server = await startCustomer();
  customers.push(server);
  const { id } = await dispatcher.createEndpoint({
    target: { case: 'http', value: { url: server.url } },
    events: [type],
    retryPolicy: { schedule: { case: 'custom', value: { delays: [] } } },
  });
  return { server, id };
}

const numbered = (type: string, from: number, to: number, receivedAtMs = Date.now()) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: `${type}-${from + i}`,
    type,
    payload: String(from + i),
    receivedAtMs,
  }));
const sorted = (numbers: unknown[]) => (numbers as number[]).sort((a, b) => a - b);
const finished = (endpointId: string, id: string) =>
  eventually(async () => {
    const replay = await dispatcher.replay(endpointId, id);
    assert.equal(replay?.status, ReplayStatus.DONE);
    return replay;
  }, PATIENCE);
const deliveriesOf = async (endpointId: string) => {
  const { response } = await world.deliveries.listDeliveries(
    { workspaceId: 'w', request: { endpointId, pageSize: 200 } },
    { timeoutMs: TIMEOUT_MS },
  );
  return response?.deliveries ?? [];
};

test('recover sends exactly what has failed since a time, under the ids it had', async () => {
  const { server, id } = await endpointFor('recovered');
  const odd = (body: Buffer) => JSON.parse(body.toString()).data % 2 === 1;
  server.answer = ({ body }, response) => response.writeHead(odd(body) ? 500 : 200).end();
  const early = Date.now() - 10_000;
  await world.publishEvents(numbered('recovered', 0, 4, early));
  await world.publishEvents(numbered('recovered', 4, 12));
  await eventually(() => assert.equal(server.calls.length, 12), PATIENCE);
  await eventually(async () => assert.equal((await deliveriesOf(id)).length, 12), PATIENCE);
  const idsBefore = new Map(
    server.calls.map(({ headers, body }) => [JSON.parse(body.toString()).data, headers['webhook-id']]),
  );
  server.answer = (_, response) => response.end();
  const replay = await dispatcher.startReplay(id, early + 5_000, true);
  assert.equal(replay.status, ReplayStatus.RUNNING);
  await finished(id, replay.id);
  const again = server.calls.slice(12);
  assert.deepEqual(sorted(again.map(({ body }) => JSON.parse(body.toString()).data)), [5, 7, 9, 11]);
  for (const { headers, body } of again) {
    assert.equal(headers['webhook-id'], idsBefore.get(JSON.parse(body.toString()).data));
    assert.equal(headers['x-webhook-attempt'], '2');
  }
  const done = await dispatcher.replay(id, replay.id);
  assert.deepEqual([done?.attempted, done?.failed, done?.progress], [4n, 0n, 1]);
  const failed = (await deliveriesOf(id)).filter(({ status }) => status === DeliveryStatus.FAILED);
  assert.deepEqual(sorted(failed.map(({ eventId }) => Number(eventId.split('-')[1]))), [1, 3]);
});

test('replay sends everything since a time again, what the endpoint would not want left out', async () => {
  const { server, id } = await endpointFor('replayed');
  await world.publishEvents([...numbered('replayed', 0, 300), ...numbered('unwanted', 0, 5)]);
  await eventually(() => assert.equal(server.calls.length, 300), PATIENCE);
  const replay = await dispatcher.startReplay(id, Date.now() - 60_000);
  await finished(id, replay.id);
  assert.equal(server.calls.length, 600);
  assert.deepEqual(
    sorted(dataOf(server).slice(300)),
    Array.from({ length: 300 }, (_, n) => n),
  );
});

test('a replay can be canceled, and only one runs at a time', async () => {
  const { server, id } = await endpointFor('canceled');
  await world.publishEvents(numbered('canceled', 0, 250));
  await eventually(() => assert.equal(server.calls.length, 250), PATIENCE);
  await eventually(async () => assert.equal((await deliveriesOf(id)).length, 200), PATIENCE);
  const held: (() => void)[] = [];
  server.answer = (_, response) => void held.push(() => response.end());
  const replay = await dispatcher.startReplay(id, Date.now() - 60_000);
  await assert.rejects(dispatcher.startReplay(id, Date.now() - 60_000), /has a replay that is not over/);
  await eventually(() => assert.ok(held.length > 0), PATIENCE);
  const { response } = await dispatcher.methods.cancelReplay(
    { caller: dispatcher.caller('w'), request: { id: replay.id } },
    { timeoutMs: TIMEOUT_MS },
  );
  assert.equal(response?.replay?.status, ReplayStatus.CANCELED);
  server.answer = (_, response_) => response_.end();
  for (const answer of held) answer();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(server.calls.length < 300, `${server.calls.length} calls`);
  const other = dispatcher.methods.cancelReplay(
    { caller: dispatcher.caller('other'), request: { id: replay.id } },
    { timeoutMs: TIMEOUT_MS },
  );
  await assert.rejects(other, { code: 'not_found' });
});

test('a delivery is sent again, whatever became of it, and a test is recorded as one', async () => {
  const { server, id } = await endpointFor('resent');
  await world.publishEvents(numbered('resent', 0, 1));
  await eventually(async () => assert.equal((await deliveriesOf(id)).length, 1), PATIENCE);
  const [delivery] = await deliveriesOf(id);
  assert.ok(delivery);
  const { response } = await dispatcher.resend(delivery.id);
  assert.equal(response?.delivery?.status, DeliveryStatus.PENDING);
  await eventually(() => assert.equal(server.calls.length, 2), PATIENCE);
  assert.deepEqual(
    server.calls.map(({ headers }) => [headers['webhook-id'], headers['x-webhook-attempt']]),
    [
      [delivery.id, '1'],
      [delivery.id, '2'],
    ],
  );
  await assert.rejects(dispatcher.resend(delivery.id, 'other'), { code: 'not_found' });
  const tested = await dispatcher.test(id);
  assert.deepEqual(
    [tested.response?.delivery?.status, tested.response?.delivery?.attempts[0]?.status],
    [DeliveryStatus.SENT, 200],
  );
  const testId = tested.response?.delivery?.id ?? '';
  await eventually(async () => {
    const { delivery: stored } = await world.deliveries.getDelivery(
      { workspaceId: 'w', id: testId },
      { timeoutMs: TIMEOUT_MS },
    );
    assert.deepEqual([stored?.event, stored?.attempts[0]?.cause], ['millrace.test', DeliveryCause.TEST]);
    assert.deepEqual(JSON.parse(Buffer.from(stored?.payloadJson ?? []).toString()).endpointId, id);
  }, PATIENCE);
  await assert.rejects(dispatcher.resend(testId), { code: 'failed_precondition' });
});

test('a time that is no time, or in the future, is refused by its name', async () => {
  const { id } = await endpointFor('refused');
  const start = (since?: { seconds: bigint; nanos: number }) =>
    dispatcher.methods.startReplay(
      { caller: dispatcher.caller('w'), request: { endpointId: id, ...(since && { since }) } },
      { timeoutMs: TIMEOUT_MS },
    );
  await assert.rejects(start(), /since: is required/);
  await assert.rejects(start(timestampFromMs(Date.now() + 60_000)), /since: must be in the past/);
  await assert.rejects(start({ seconds: 0n, nanos: -1 }), /since/);
});
