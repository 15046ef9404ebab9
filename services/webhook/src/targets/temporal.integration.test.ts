import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { DeliveryStatus, type EndpointSchema } from '@millrace/contracts/millrace/api/v1/webhook';
import { eventually } from '@millrace/testkit';
import { startTemporalUnderTest, type TemporalUnderTest } from '../../test/temporal-under-test.ts';
import { createWebhookWorld } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 60_000 };
const KILLS = 2;
/** In each round. */
const EVENTS = 40;

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
let temporal: TemporalUnderTest;
before(async () => {
  world = await createWebhookWorld();
  temporal = await startTemporalUnderTest();
});
after(async () => {
  await temporal?.close();
  await world?.close();
});

const workflow = (
  changes: { signal?: string; workflowIdPath?: string } = {},
): MessageInitShape<typeof EndpointSchema> => ({
  events: ['order.*'],
  target: {
    case: 'temporal',
    value: { namespace: 'default', taskQueue: 'orders', workflowType: 'fulfil', ...changes },
  },
  retryPolicy: { schedule: { case: 'custom', value: { delays: [50, 500].map(durationFromMs) } } },
});

test('without a Temporal server no trigger can name a workflow', async () => {
  const dispatcher = await world.start();
  await assert.rejects(dispatcher.createEndpoint(workflow()), {
    code: 'invalid_argument',
    message: 'temporal: can not be: this installation has no Temporal server',
  });
  await dispatcher.close();
});

test('each event starts one workflow, and signals its order’s once, whoever is killed and whatever answer is lost', async () => {
  const settings = { TEMPORAL_ADDRESS: temporal.address };
  const api = await world.start({ settings });
  const starter = await api.createEndpoint(workflow());
  await api.createEndpoint(workflow({ signal: 'paid', workflowIdPath: 'payload.order' }));
  await api.close();
  let sent = 0;
  for (let round = 0; round <= KILLS; round++) {
    const child = world.spawn(settings);
    const before = await temporal.progress();
    const untilMoreThan = (calls: number) =>
      eventually(async () => assert.ok((await temporal.progress()) > before + calls), PATIENCE);
    await world.publishEvents(
      Array.from({ length: EVENTS }, () => {
        const id = sent++;
        return { id: `o-${id}`, type: 'order.paid', payload: `{"order":"order-${id % 10}"}` };
      }),
    );
    // The calls in the middle of a round are carried out and not answered.
    await untilMoreThan(10);
    temporal.loseAnswers(true);
    await untilMoreThan(20);
    temporal.loseAnswers(false);
    if (round === KILLS)
      await eventually(async () => {
        const runs = await temporal.runs();
        const started = runs.filter(({ workflowId }) => workflowId.startsWith('dlv_'));
        const signals = runs.reduce((sum, run) => sum + run.signals.length, 0);
        assert.deepEqual([started.length, signals], [sent, sent]);
      }, PATIENCE);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
  const eventIdIn = (text: string): string => JSON.parse(text).eventId;
  const all = Array.from({ length: sent }, (_, id) => `o-${id}`).sort();
  const runs = await temporal.runs();
  const own = runs.filter(({ workflowId }) => workflowId.startsWith('dlv_'));
  assert.deepEqual(own.map(({ input }) => eventIdIn(input)).sort(), all, 'one workflow for each event');
  const orders = runs.filter(({ workflowId }) => workflowId.startsWith('order-'));
  assert.equal(orders.length, 10);
  const signals = orders.flatMap((run) => run.signals.map(eventIdIn));
  assert.deepEqual(signals.sort(), all, 'one signal for each event');
  const rows = await world.deliveries.listDeliveries(
    { workspaceId: 'w', request: { endpointId: starter.id, status: DeliveryStatus.SENT, pageSize: 1 } },
    { timeoutMs: 5_000 },
  );
  assert.equal(rows.response?.deliveries[0]?.url, 'temporal:default/fulfil');
});
