import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { fakeExchange } from '../../../test/fake-exchange.ts';
import type { HealthDeps } from './check.ts';
import { cachedProbe, type Probe, type ProbeState } from './probe.ts';
import { createHealthRoutes } from './routes.ts';

const up: Probe = async () => 'up';
const down: Probe = async () => 'down';
const NOW_MS = Date.UTC(2024, 0, 30, 12, 34, 56);

function deps(probes: Partial<HealthDeps['probes']> = {}, isReady = true): HealthDeps {
  let monotonicMs = 5_000;
  return {
    probes: { clickhouse: up, nats: up, redis: up, ...probes },
    isReady: () => isReady,
    // The first reading is the start; an hour and a little later is every other one.
    clock: { now: () => NOW_MS, monotonic: () => (monotonicMs += monotonicMs === 5_000 ? 1 : 3_600_900) },
    version: '1.0.0',
  };
}

async function get(path: string, from: HealthDeps) {
  const route = createHealthRoutes(from).find((candidate) => candidate.path === path);
  assert.ok(route, path);
  const exchange = fakeExchange({});
  await route.handle(exchange);
  const [reply] = exchange.replies;
  assert.ok(reply);
  const body: unknown = JSON.parse(reply.body);
  return { status: reply.status, body };
}

test('/api/health has the documented shape and the stores by both names', async () => {
  const { status, body } = await get('/api/health', deps());
  assert.equal(status, 200);
  const { uptime, ...rest } = body as { uptime: number };
  assert.ok(Number.isInteger(uptime));
  assert.deepEqual(rest, {
    status: 'healthy',
    version: '1.0.0',
    timestamp: '2024-01-30T12:34:56.000Z',
    services: {
      clickhouse: { status: 'up' },
      nats: { status: 'up' },
      redis: { status: 'up' },
      mongodb: { status: 'up' },
      postgres: { status: 'up' },
    },
  });
});

const verdicts: [name: string, probes: Partial<HealthDeps['probes']>, status: number, verdict: string][] = [
  ['ClickHouse down', { clickhouse: down }, 200, 'degraded'],
  ['Redis down', { redis: down }, 200, 'degraded'],
  ['NATS down', { nats: down }, 503, 'unhealthy'],
  ['a probe that fails', { nats: () => Promise.reject(new Error('refused')) }, 503, 'unhealthy'],
];
for (const [name, probes, status, verdict] of verdicts) {
  test(`${status} ${verdict}: ${name}`, async () => {
    for (const path of ['/api/health', '/health']) {
      const answer = await get(path, deps(probes));
      assert.equal(answer.status, status);
      assert.equal((answer.body as { status: string }).status, verdict);
    }
  });
}

test('without Redis its service is up, and says that memory is behind it', async () => {
  const { status, body } = await get('/api/health', deps({ redis: undefined }));
  assert.equal(status, 200);
  const { services } = body as { services: { redis: unknown } };
  assert.deepEqual(services.redis, { status: 'up', backend: 'memory' });
});

test('/health is short', async () => {
  assert.deepEqual((await get('/health', deps())).body, { status: 'healthy', version: '1.0.0' });
});

test('/api/ready and /api/live have the documented bodies', async () => {
  assert.deepEqual(await get('/api/ready', deps()), { status: 200, body: { ready: true } });
  assert.deepEqual(await get('/api/ready', deps({}, false)), { status: 503, body: { ready: false } });
  assert.deepEqual(await get('/api/live', deps({}, false)), { status: 200, body: { live: true } });
});

test('a thousand checks within a second ask a store once', async () => {
  let nowMs = 0;
  let asked = 0;
  const probe = cachedProbe(
    async () => {
      asked++;
      return 'up';
    },
    () => nowMs,
  );
  await Promise.all(Array.from({ length: 1_000 }, () => probe()));
  assert.equal(asked, 1);
  nowMs = 999;
  await probe();
  assert.equal(asked, 1);
  nowMs = 1_000;
  await probe();
  assert.equal(asked, 2);
});

test('a probe that hangs is down after its deadline, is told to stop, and is not asked twice at once', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let asked = 0;
    let signal: AbortSignal | undefined;
    const probe = cachedProbe(
      (given) => {
        asked++;
        signal = given;
        return new Promise<ProbeState>(() => undefined);
      },
      () => 0,
      { keepMs: 0, deadlineMs: 50 },
    );
    const answers = Promise.all([probe(), probe()]);
    mock.timers.tick(50);
    assert.deepEqual(await answers, ['down', 'down']);
    assert.equal(asked, 1);
    assert.equal(signal?.aborted, true);
  } finally {
    mock.timers.reset();
  }
});
