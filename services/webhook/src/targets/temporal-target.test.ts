import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { createLogger, loadConfig, systemClock } from '@millrace/runtime';
import { createCertificateAuthority } from '@millrace/testkit';
import { encodeEvent } from '@millrace/wire';
import { startTemporalService } from '../../test/temporal-service.ts';
import { webhookSettings } from '../config.ts';
import type { EndpointTarget } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import { StreamedEvent } from '../engine/streamed-event.ts';
import { openTemporalServer } from '../temporal/temporal-server.ts';
import { createTemporalTarget } from './temporal-target.ts';

const log = createLogger({ service: 'test', level: 'silent' });

type Service = Awaited<ReturnType<typeof startTemporalService>>;
type Target = Extract<EndpointTarget, { kind: 'temporal' }>;

async function service(
  t: TestContext,
  options: Parameters<typeof startTemporalService>[0] = {},
): Promise<Service> {
  const one = await startTemporalService(options);
  t.after(() => one.close());
  return one;
}

/** What is attempted at a server, each time by a connection of its own, as by processes that are killed. */
function attemptsAt(
  t: TestContext,
  address: string,
  settings: Readonly<Record<string, string>> = {},
  timeoutMs = 10_000,
) {
  return async (id: string, payload: string, changes: Partial<Target> = {}) => {
    const config = loadConfig(webhookSettings, { TEMPORAL_ADDRESS: address, ...settings });
    const server = openTemporalServer({ settings: config, timeoutMs, log });
    t.after(() => server?.close());
    const target: Target = {
      ...{ kind: 'temporal', namespace: 'default', taskQueue: 'orders', workflowType: 'fulfil' },
      ...{ signal: '', workflowIdPath: '', ...changes },
    };
    const bytes = encodeEvent(
      {
        ...{ workspaceId: 'w', eventId: id, eventType: 'order.paid', dialect: 'native', payload },
        ...{ source: '', userId: '', sessionId: '', priority: 1, labels: [], metadata: '{}', traceId: '' },
        ...{ occurredAtMs: 0, receivedAtMs: 0 },
      },
      '',
    );
    const event = new StreamedEvent({ seq: 1, index: 0 }, 'w', Buffer.from(bytes));
    const endpoint = { id: 'endpoint', record: { target } } as LiveEndpoint;
    const attempt = createTemporalTarget({ server, clock: systemClock });
    const result = await attempt(endpoint, {
      id: event.deliveryId('endpoint'),
      event,
      attempt: 1,
      cause: 'event',
    });
    return { ...result, deliveryId: event.deliveryId('endpoint') };
  };
}

test('a workflow is started by the id of the delivery, with the event as its one argument, byte for byte', async (t) => {
  const temporal = await service(t);
  const attempt = attemptsAt(t, temporal.address);
  const { kind, response, deliveryId } = await attempt('e1', '{"total": 12.50,"big":12345678901234567890}');
  assert.equal(kind, 'delivered');
  assert.deepEqual(JSON.parse(response.toString()), { workflowId: deliveryId, runId: 'run-1' });
  assert.deepEqual(temporal.runs, [
    {
      ...{ namespace: 'default', workflowId: deliveryId, runId: 'run-1', type: 'fulfil' },
      ...{ taskQueue: 'orders', requestId: deliveryId, signals: [], isRunning: true },
      input: [
        `{"event":"order.paid","timestamp":"1970-01-01T00:00:00.000Z","data":{"total": 12.50,"big":12345678901234567890},"id":"${deliveryId}","eventId":"e1"}`,
      ],
      memo: { deliveryId, eventType: 'order.paid' },
    },
  ]);
});

for (const [name, changes] of [
  ['started by the delivery’s id', {}],
  ['started by a value', { workflowIdPath: 'payload.order' }],
  ['signalled', { workflowIdPath: 'payload.order', signal: 'paid' }],
  ['signalled and of one delivery', { signal: 'paid' }],
] as const) {
  test(`a delivery whose answer was lost is attempted again: one workflow, ${name}, ended or not`, async (t) => {
    const temporal = await service(t);
    const attempt = attemptsAt(t, temporal.address);
    for (const isRunning of [true, false]) {
      const [id, payload] = [`e-${isRunning}`, `{"order":"o-${isRunning}"}`];
      const before = temporal.runs.length;
      temporal.fault = 'lose the answer';
      assert.equal((await attempt(id, payload, changes)).kind, 'failed');
      const run = temporal.runs.at(-1);
      assert.ok(run);
      run.isRunning = isRunning;
      temporal.fault = undefined;
      for (let again = 0; again < 3; again++)
        assert.equal((await attempt(id, payload, changes)).kind, 'delivered');
      assert.equal(temporal.runs.length, before + 1);
      assert.equal(run.signals.length, 'signal' in changes ? 1 : 0);
    }
  });
}

test('events of one value go to one workflow while it runs, and start another when it has ended', async (t) => {
  const temporal = await service(t);
  const attempt = attemptsAt(t, temporal.address);
  const changes = { workflowIdPath: 'payload.order' };
  for (const id of ['e1', 'e2'])
    assert.equal((await attempt(id, '{"order":12345678901234567890}', changes)).kind, 'delivered');
  assert.deepEqual(
    temporal.runs.map(({ workflowId }) => workflowId),
    ['12345678901234567890'],
  );
  const [first] = temporal.runs;
  assert.ok(first);
  first.isRunning = false;
  await attempt('e3', '{"order":12345678901234567890}', changes);
  assert.equal(temporal.runs.length, 2);
});

test('a signal carries its event to the workflow that runs', async (t) => {
  const temporal = await service(t);
  const attempt = attemptsAt(t, temporal.address);
  for (const id of ['e1', 'e2'])
    await attempt(id, '{"order":"o1"}', { workflowIdPath: 'payload.order', signal: 'paid' });
  const [run, ...others] = temporal.runs;
  assert.equal(others.length, 0);
  assert.deepEqual(
    run?.signals.map(({ name, input: [text = ''] }) => [name, JSON.parse(text).eventId]),
    [
      ['paid', 'e1'],
      ['paid', 'e2'],
    ],
  );
});

for (const payload of [
  '{}',
  '{"order":null}',
  '{"order":{"id":1}}',
  '{"order":["a"]}',
  '{"order":true}',
  '',
]) {
  test(`no workflow is named by ${payload || 'nothing'}: the attempt fails and names the path`, async (t) => {
    const temporal = await service(t);
    const attempt = attemptsAt(t, temporal.address);
    const { kind, error } = await attempt('e1', payload, { workflowIdPath: 'payload.order' });
    assert.deepEqual([kind, error], ['failed', 'payload.order is no text or number, and names no workflow']);
    assert.equal(temporal.calls.length, 0);
  });
}

test('an empty or endless name names no workflow', async (t) => {
  const attempt = attemptsAt(t, (await service(t)).address);
  for (const order of ['', 'x'.repeat(1_001)]) {
    const { error } = await attempt('e1', JSON.stringify({ order }), { workflowIdPath: 'payload.order' });
    assert.equal(error, 'payload.order must have 1 to 1000 characters to name a workflow');
  }
});

test('each fault has its reason, and what the server says of itself stays here', async (t) => {
  const temporal = await service(t);
  const attempt = attemptsAt(t, temporal.address);
  const details = 'inside 10.1.2.3';
  for (const [code, reason] of [
    [status.PERMISSION_DENIED, 'permission denied'],
    [status.UNAUTHENTICATED, 'the Temporal server does not accept the credentials of this installation'],
    [status.UNAVAILABLE, 'the Temporal server can not be reached'],
    [status.RESOURCE_EXHAUSTED, 'the Temporal server is busy, or the event is too large for it'],
    [status.INTERNAL, 'the Temporal server failed: INTERNAL'],
    [status.INVALID_ARGUMENT, `the Temporal server refused the request: ${details}`],
  ] as const) {
    temporal.fault = { code, details };
    const { kind, error } = await attempt('e1', '{}');
    assert.deepEqual([kind, error], ['failed', reason]);
  }
  temporal.fault = undefined;
  assert.equal((await attempt('e1', '{}', { namespace: 'nowhere' })).error, 'namespace not found');
  assert.equal(temporal.runs.length, 0);
  assert.equal((await attempt('e1', '{}')).kind, 'delivered');
});

test('a server that never answers, and one that is away, end with a reason', async (t) => {
  const temporal = await service(t);
  temporal.fault = 'never answer';
  const silent = await attemptsAt(t, temporal.address, {}, 300)('e1', '{}');
  assert.deepEqual([silent.kind, silent.error], ['failed', 'the Temporal server did not answer in time']);
  await temporal.close();
  const away = await attemptsAt(t, temporal.address)('e1', '{}');
  assert.deepEqual([away.kind, away.error], ['failed', 'the Temporal server can not be reached']);
});

test('only namespaces of the list are reached', async (t) => {
  const temporal = await service(t, { namespaces: ['default', 'orders', 'other'] });
  const attempt = attemptsAt(t, temporal.address, { TEMPORAL_NAMESPACES: 'orders, default' });
  assert.equal((await attempt('e1', '{}', { namespace: 'orders' })).kind, 'delivered');
  const { error } = await attempt('e2', '{}', { namespace: 'other' });
  assert.equal(error, 'other is no namespace that triggers may name here');
  assert.equal(temporal.calls.length, 1);
});

test('both sides show a certificate, and the key goes with the call', async (t) => {
  const [ours, strangers] = [createCertificateAuthority('ours'), createCertificateAuthority('strangers')];
  t.after(() => {
    for (const { directory } of [ours, strangers]) rmSync(directory, { recursive: true });
  });
  const temporal = await service(t, { tls: { ...ours.issue('temporal'), ca: ours.ca } });
  const { cert, key } = ours.issue('millrace');
  const settings = { TEMPORAL_API_KEY: 'an-api-key', TEMPORAL_TLS_CERT: cert, TEMPORAL_TLS_KEY: key };
  const attempt = attemptsAt(t, temporal.address, { ...settings, TEMPORAL_TLS_CA: ours.ca });
  assert.equal((await attempt('e1', '{}')).kind, 'delivered');
  assert.deepEqual(temporal.calls, [{ method: 'start', authorization: 'Bearer an-api-key' }]);
  for (const others of [
    { ...settings, TEMPORAL_TLS_CA: strangers.ca },
    settings,
    { TEMPORAL_API_KEY: 'an-api-key' },
    { TEMPORAL_TLS_CA: ours.ca },
    {},
  ]) {
    const { error } = await attemptsAt(t, temporal.address, others)('e2', '{}');
    assert.equal(error, 'the Temporal server can not be reached', JSON.stringify(others));
  }
  assert.equal(temporal.calls.length, 1);
});
