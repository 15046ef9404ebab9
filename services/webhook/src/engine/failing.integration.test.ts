import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { DisabledReason } from '@millrace/contracts/millrace/api/v1/webhook';
import { systemClock } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { type CustomerServer, createWebhookWorld, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 30_000 };
const DAY_MS = 24 * 60 * 60 * 1_000;

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
let dispatcher: Awaited<ReturnType<typeof world.start>>;
let server: CustomerServer;
let aheadMs = 0;
// Only the time of day moves: leases and deadlines go by the other.
const clock = { ...systemClock, now: () => Date.now() + aheadMs };
before(async () => {
  world = await createWebhookWorld();
});
after(() => world?.close());
beforeEach(async () => {
  dispatcher = await world.start({ clock });
  server = await startCustomer();
  server.answer = (_, response) => response.writeHead(isBroken ? 500 : 200).end();
  isBroken = true;
});
afterEach(async () => {
  await dispatcher.close();
  await server.close();
});

let isBroken = true;
let made = 0;

async function endpointOf(type: string) {
  const delays = [durationFromMs(20)];
  const { id } = await dispatcher.createEndpoint({
    target: { case: 'http', value: { url: server.url } },
    events: [type],
    retryPolicy: { schedule: { case: 'custom', value: { delays } } },
  });
  return id;
}

/** Sends an event and waits until what came of it is known: two calls of a broken server, one of another. */
async function deliver(type: string): Promise<void> {
  const calls = server.calls.length + (isBroken ? 2 : 1);
  await world.publishEvents([{ id: `${type}-${made++}`, type, receivedAtMs: clock.now() }]);
  await eventually(() => assert.equal(server.calls.length, calls), PATIENCE);
}

const reasonOf = async (id: string) => (await dispatcher.getEndpoint(id))?.disabledReason;
const failingSinceOf = async (id: string) => {
  const since = (await dispatcher.getEndpoint(id))?.failingSince;
  return since === undefined ? 0 : timestampMs(since);
};
const isNoted = (id: string, isFailing: boolean) =>
  eventually(async () => assert.equal((await failingSinceOf(id)) > 0, isFailing), PATIENCE);
const isDisabled = (id: string) =>
  eventually(async () => assert.equal(await reasonOf(id), DisabledReason.FAILING), PATIENCE);

test('an endpoint at which nothing has succeeded for five days is disabled, not a moment sooner', async () => {
  const id = await endpointOf('five.days');
  await deliver('five.days');
  await isNoted(id, true);
  const sinceMs = await failingSinceOf(id);
  aheadMs += 5 * DAY_MS - 60_000;
  await deliver('five.days');
  assert.equal(await reasonOf(id), DisabledReason.UNSPECIFIED);
  assert.equal(await failingSinceOf(id), sinceMs);
  aheadMs += 60_000;
  await world.publishEvents([{ id: 'the-last', type: 'five.days', receivedAtMs: clock.now() }]);
  await isDisabled(id);
});

test('one success in between, and the days are counted anew', async () => {
  const id = await endpointOf('in.between');
  await deliver('in.between');
  await isNoted(id, true);
  aheadMs += 4 * DAY_MS;
  isBroken = false;
  await deliver('in.between');
  await isNoted(id, false);
  isBroken = true;
  await deliver('in.between');
  await isNoted(id, true);
  aheadMs += 4 * DAY_MS;
  await deliver('in.between');
  assert.equal(await reasonOf(id), DisabledReason.UNSPECIFIED);
  aheadMs += DAY_MS;
  await world.publishEvents([{ id: 'the-last', type: 'in.between', receivedAtMs: clock.now() }]);
  await isDisabled(id);
});

test('the days go on being counted over a restart', async () => {
  const id = await endpointOf('restarted');
  await deliver('restarted');
  await isNoted(id, true);
  const sinceMs = await failingSinceOf(id);
  aheadMs += 3 * DAY_MS;
  await dispatcher.close();
  dispatcher = await world.start({ clock });
  await deliver('restarted');
  assert.equal(await failingSinceOf(id), sinceMs);
  assert.equal(await reasonOf(id), DisabledReason.UNSPECIFIED);
  aheadMs += 2 * DAY_MS;
  await world.publishEvents([{ id: 'the-last', type: 'restarted', receivedAtMs: clock.now() }]);
  await isDisabled(id);
});

test('an endpoint that its owner has made active again has five days again, over a restart, too', async () => {
  const id = await endpointOf('again');
  await deliver('again');
  await isNoted(id, true);
  aheadMs += 5 * DAY_MS;
  await world.publishEvents([{ id: 'disables', type: 'again', receivedAtMs: clock.now() }]);
  await isDisabled(id);
  await eventually(() => assert.equal(server.calls.length >= 3, true), PATIENCE);
  aheadMs += DAY_MS;
  const activated = await dispatcher.updateEndpoint(id, ['active'], { active: true });
  assert.equal(activated?.failingSince, undefined);
  assert.equal(activated?.disabledReason, DisabledReason.UNSPECIFIED);
  await dispatcher.close();
  dispatcher = await world.start({ clock });
  aheadMs += 4 * DAY_MS;
  const calls = server.calls.length;
  await world.publishEvents([{ id: 'fails-anew', type: 'again', receivedAtMs: clock.now() }]);
  await eventually(() => assert.ok(server.calls.length >= calls + 2), PATIENCE);
  await isNoted(id, true);
  assert.equal(await reasonOf(id), DisabledReason.UNSPECIFIED);
  aheadMs += 5 * DAY_MS;
  await world.publishEvents([{ id: 'the-last', type: 'again', receivedAtMs: clock.now() }]);
  await isDisabled(id);
});
