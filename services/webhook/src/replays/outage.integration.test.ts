import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { DeliveryStatus, ReplayStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { systemClock } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { createWebhookWorld, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 30_000 };
const MINUTE_MS = 60_000;

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
let server: Awaited<ReturnType<typeof startCustomer>>;
let aheadMs = 0;
// Only the time of day moves: leases and deadlines go by the other.
const clock = { ...systemClock, now: () => Date.now() + aheadMs };
before(async () => {
  world = await createWebhookWorld();
  server = await startCustomer();
});
after(async () => {
  await server?.close();
  await world?.close();
});

test('an endpoint is away for two hours: recover sends exactly what has failed meanwhile, under the ids it had', async () => {
  const dispatcher = await world.start({ clock });
  const { id: endpointId } = await dispatcher.createEndpoint({
    target: { case: 'http', value: { url: server.url } },
    events: ['order.paid'],
    retryPolicy: { schedule: { case: 'custom', value: { delays: [durationFromMs(MINUTE_MS)] } } },
  });
  const publish = (id: string) =>
    world.publishEvents([{ id, type: 'order.paid', payload: `"${id}"`, receivedAtMs: clock.now() }]);
  const callsOf = (id: string) => server.calls.filter(({ body }) => JSON.parse(body.toString()).data === id);
  const untilCalled = (id: string, times: number) =>
    eventually(() => assert.equal(callsOf(id).length, times), PATIENCE);
  const untilStatus = (status: DeliveryStatus, ids: readonly string[]) =>
    eventually(async () => {
      const { response } = await world.deliveries.listDeliveries(
        { workspaceId: 'w', request: { endpointId, status, pageSize: 100 } },
        { timeoutMs: 10_000 },
      );
      assert.deepEqual(response?.deliveries.map(({ eventId }) => eventId).sort(), ids.toSorted());
    }, PATIENCE);

  /** Not sooner than the first attempt is over: the second is due a minute after that. */
  const untilRetried = async (id: string, beforeIt?: () => void) => {
    await untilStatus(DeliveryStatus.PENDING, [id]);
    beforeIt?.();
    aheadMs += MINUTE_MS;
    await untilCalled(id, 2);
  };

  await publish('before');
  await untilCalled('before', 1);
  aheadMs += MINUTE_MS;
  const awaySinceMs = clock.now();
  server.answer = (_, response) => response.writeHead(503).end();
  const missed = ['at once', 'after half an hour', 'after an hour', 'after one and a half'];
  for (const id of missed) {
    await publish(id);
    await untilRetried(id);
    aheadMs += 29 * MINUTE_MS;
  }
  await publish('just before the end');
  await untilRetried('just before the end', () => {
    server.answer = (_, response) => response.end();
  });
  await publish('after');
  await untilCalled('after', 1);
  await untilStatus(DeliveryStatus.FAILED, missed);
  const before = server.calls.length;

  const { id: replayId } = await dispatcher.startReplay(endpointId, awaySinceMs, true);
  await eventually(async () => {
    const replay = await dispatcher.replay(endpointId, replayId);
    assert.equal(replay?.status, ReplayStatus.DONE);
    assert.deepEqual([replay.attempted, replay.failed], [4n, 0n]);
  }, PATIENCE);
  assert.deepEqual(
    server.calls
      .slice(before)
      .map(({ body }) => JSON.parse(body.toString()).data)
      .sort(),
    missed.toSorted(),
  );
  for (const id of missed) {
    const deliveryIds = callsOf(id).map(({ headers }) => headers['webhook-id']);
    assert.equal(deliveryIds.length, 3);
    assert.equal(new Set(deliveryIds).size, 1);
  }
  await untilStatus(DeliveryStatus.FAILED, []);
  await untilStatus(DeliveryStatus.SENT, ['before', ...missed, 'just before the end', 'after']);
});
