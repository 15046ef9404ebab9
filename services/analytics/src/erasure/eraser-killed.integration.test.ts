import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ExportEventsRequestSchema, ExportFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createMetricsRegistry, systemClock } from '@millrace/runtime';
import { openEventFeed } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import { log } from '../../test/analytics-world.ts';
import { createErasureWorld } from '../../test/erasure-world.ts';
import { tailOver, watch } from '../../test/tail.ts';
import { createEventExport } from '../export/export-events.ts';
import { createAnalyticsMetrics } from '../metrics.ts';

const PROCESS = new URL('../../test/eraser-process.ts', import.meta.url).pathname;
const WORKSPACE = 'w1';
const NOTHING = { events: 0, p_user: 0, p_userevents: 0, p_bytype: 0, p_dim: 0, dead_letters: 0 };
const POINTS = [
  'before the mutations',
  'between the mutations',
  'after the mutations',
  'before the dead letters',
  'after the dead letters',
] as const;

let world: Awaited<ReturnType<typeof createErasureWorld>>;
let stored = 0;
before(async () => {
  world = await createErasureWorld();
  await world.startWriter();
});
after(() => world?.close());

/** A process that works deletions off, and kills itself where it is told to. */
function spawnEraser(dieAt: string) {
  const { nats, clickhouse } = world.stores;
  return spawn(process.execPath, [PROCESS], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      NATS_URL: nats.url,
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_USER: clickhouse.application.username,
      CLICKHOUSE_PASSWORD: clickhouse.application.password,
      DIE_AT: dieAt,
    },
  });
}

async function exported(format: ExportFormat, userId: string): Promise<string> {
  const exports = createEventExport({
    client: world.stores.client,
    metrics: createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' })).exports,
    clock: systemClock,
    slots: { total: 1, perWorkspace: 1 },
  });
  const request = create(ExportEventsRequestSchema, { workspaceId: WORKSPACE, userId, format });
  const pieces: Uint8Array[] = [];
  for await (const piece of exports.read(request, AbortSignal.timeout(60_000))) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

for (const [i, point] of POINTS.entries()) {
  test(`killed with SIGKILL ${point}: another process goes on, and nothing is left of the user`, async () => {
    const replica = await world.openReplica();
    const user = `user-${i}`;
    const other = `other-${i}`;
    await world.publishEvents([
      { id: `${user}-1`, workspaceId: WORKSPACE, userId: user, payload: `{"of":"${user}"}` },
      { id: `${other}-1`, workspaceId: WORKSPACE, userId: other },
      { id: `${user}-2`, workspaceId: WORKSPACE, userId: user },
    ]);
    await world.publishDamaged({ id: `${user}-damaged`, workspaceId: WORKSPACE, userId: user });
    stored += 3;
    await world.until(stored);
    await eventually(async () => assert.equal((await world.traces(WORKSPACE, user))['dead_letters'], 1));
    assert.ok((await exported(ExportFormat.UNSPECIFIED, '')).includes(user));
    const letters = await world.deadLetterCount();

    const { id } = await replica.request(WORKSPACE, user);
    const dying = spawnEraser(point);
    const [, signal] = await once(dying, 'exit');
    assert.equal(signal, 'SIGKILL');
    await eventually(async () => assert.equal(replica.status(id), 'running'));

    const next = spawnEraser('');
    try {
      await eventually(async () => assert.equal(replica.status(id), 'done'), { timeoutMs: 60_000 });
    } finally {
      next.kill('SIGKILL');
      await once(next, 'exit');
    }
    stored -= 2;
    assert.deepEqual(await world.traces(WORKSPACE, user), NOTHING);
    assert.deepEqual(
      await world.traces(WORKSPACE, other),
      { events: 1, p_user: 1, p_userevents: 1, p_bytype: 1, p_dim: 1, dead_letters: 0 },
      'nobody else is touched',
    );
    const { rows, rollup } = await world.counts();
    assert.deepEqual([rows, rollup], [stored, stored]);
    assert.equal(await world.deadLetterCount(), letters - 1);
    for (const format of [ExportFormat.UNSPECIFIED, ExportFormat.PARQUET]) {
      for (const userId of ['', user])
        assert.ok(!(await exported(format, userId)).includes(user), `${format} ${userId}`);
    }
    assert.ok((await exported(ExportFormat.UNSPECIFIED, '')).includes(`${other}-1`));
  });
}

test('a tail that goes back shows none of them', async () => {
  const { deletions } = await world.openReplica();
  const { connection } = world;
  const feed = openEventFeed({ connection, readAheadBytes: 1024 * 1024, clock: systemClock, log });
  const { tail } = tailOver(feed, { isErased: deletions.isErased });
  const watcher = await watch(tail, { workspaceId: WORKSPACE, last: 100 });
  await world.publishEvents([{ id: 'end', workspaceId: WORKSPACE }]);
  while (!watcher.ids().includes('end')) await watcher.next();
  await watcher.leave();
  await tail.close();
  assert.deepEqual(watcher.ids(), [...POINTS.map((_, i) => `other-${i}-1`), 'end']);
});
