import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { ExportEventsRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createMetricsRegistry, systemClock } from '@millrace/runtime';
import { type AnalyticsWorld, createAnalyticsWorld } from '../../test/analytics-world.ts';
import { createAnalyticsMetrics } from '../metrics.ts';
import { createEventExport } from './export-events.ts';

const ROWS = 100_000;
const request = create(ExportEventsRequestSchema, { workspaceId: 'w' });

let world: AnalyticsWorld;
before(async () => {
  world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  await world.client.command({
    query: `INSERT INTO events (workspace_id, event_id, event_type, payload, received_at_ms)
      SELECT 'w', toString(number), 't', concat('{"text":"', hex(randomString(500)), '"}'), 1000 + number
      FROM numbers(${ROWS})`,
  });
});
after(() => world.close());

const registry = createMetricsRegistry({ service: 'test', version: '0' });
const metrics = createAnalyticsMetrics(registry).exports;
/** What the metrics say of exports now. */
const told = async (name: string): Promise<number> => {
  const lines = (await registry.metrics()).split('\n');
  const line = lines.find((one) => one.startsWith(`millrace_${name} `));
  return Number(line?.split(' ')[1] ?? 0);
};

const exportWith = (maxSeconds?: number) =>
  createEventExport({
    client: world.client,
    metrics,
    clock: systemClock,
    slots: { total: 2, perWorkspace: 1 },
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
  });

test('all of it comes, in order', async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of exportWith().read(request, new AbortController().signal)) pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().trimEnd().split('\n');
  assert.equal(lines.length, ROWS);
  assert.ok(lines.every((line, i) => line.startsWith(`{"id":"${i}",`)));
  assert.equal(await told('exports_total{format="ndjson",outcome="complete"}'), 1);
  assert.equal(await told('export_bytes_total{format="ndjson"}'), Buffer.concat(pieces).length);
  assert.equal(await told('exports_running'), 0);
});

test('one that is left is told as such, whether its reader stops or goes', async () => {
  const gone = new AbortController();
  const [stops, goes] = [new AbortController().signal, gone.signal].map((signal) =>
    exportWith().read(create(ExportEventsRequestSchema, { ...request, format: 1 }), signal),
  );
  await stops?.next();
  await goes?.next();
  assert.equal(await told('exports_running'), 2);
  await stops?.return(undefined);
  gone.abort();
  await assert.rejects(async () => {
    for (;;) if ((await goes?.next())?.done) return;
  });
  assert.equal(await told('exports_total{format="parquet",outcome="left"}'), 2);
  assert.equal(await told('exports_running'), 0);
});

test('one that meets its limit in the middle fails, and does not end as if it were whole', async () => {
  const pieces = exportWith(1).read(request, new AbortController().signal);
  await assert.rejects(
    async () => {
      // A busy store meets it before it has begun.
      await pieces.next();
      await pieces.next();
      await delay(3_000);
      for await (const piece of pieces) void piece;
    },
    { code: 'unavailable' },
  );
});

test('a store that dies in the middle fails it, and leaves no slot taken', async () => {
  const exports = exportWith();
  const pieces = exports.read(request, new AbortController().signal);
  await pieces.next();
  await pieces.next();
  await assert.rejects(exports.read(request, new AbortController().signal).next(), {
    code: 'resource_exhausted',
  });
  await world.kill();
  await assert.rejects(
    async () => {
      for await (const piece of pieces) void piece;
    },
    { code: 'unavailable' },
  );
  await assert.rejects(exports.read(request, new AbortController().signal).next(), { code: 'unavailable' });
  assert.equal(await told('exports_total{format="ndjson",outcome="failed"}'), 3);
  assert.equal(await told('exports_running'), 0);
  await world.restart();
  const again = exports.read(request, new AbortController().signal);
  assert.equal((await again.next()).done, false);
  await again.return(undefined);
});
