import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createEventTable } from '@millrace/stores';
import { encodeRows, type Row } from '@millrace/wire';
import { encodeEvent } from '../../test/events.ts';
import { createWorld, SHARD_NUMBER, type World } from '../../test/world.ts';
import { monthOf } from './batch.ts';

let world: World;
let published = 0;

/** Publishes messages of five events each. */
async function publish(messages: number): Promise<void> {
  for (let message = 0; message < messages; message++) {
    await world.publish(Array.from({ length: 5 }, () => ({ id: `e${published}`, key: `k${published++}` })));
  }
}

async function assertExactlyOnce(): Promise<void> {
  await world.until(published);
  await delay(300);
  assert.deepEqual(await world.counts(), { rows: published, ids: published, rollup: published });
}

before(async () => {
  world = await createWorld();
});
after(() => world?.close());

test('events flow from the stream into the table and its rollups, once', async () => {
  const writer = await world.startWriter();
  await publish(100);
  await assertExactlyOnce();
  await writer.close();
});

test('a lone event is stored without waiting for others', async () => {
  const writer = await world.startWriter();
  await publish(1);
  await world.until(published);
  await publish(1);
  await world.until(published);
  await writer.close();
});

for (const failpoint of ['before-insert', 'after-insert', 'after-position']) {
  test(`kill -9 ${failpoint}: the next owner stores every event once`, async () => {
    for (const dieAfter of ['1', '2']) {
      await publish(30);
      const dying = world.spawnWriter({ DIE_AT: failpoint, DIE_AFTER: dieAfter });
      const [, signal] = await once(dying, 'exit');
      assert.equal(signal, 'SIGKILL');
    }
    const writer = await world.startWriter();
    await publish(10);
    await assertExactlyOnce();
    await writer.close();
  });
}

test('a restart of ClickHouse under way: nothing is lost or doubled', async () => {
  const writer = await world.startWriter();
  await publish(20);
  await world.stores.clickhouse.kill();
  await publish(100);
  await world.stores.restartClickHouse();
  await publish(20);
  await assertExactlyOnce();
  await writer.close();
});

test('a restart of NATS under way: nothing is lost or doubled', async () => {
  const writer = await world.startWriter();
  await publish(20);
  await world.stores.nats.kill();
  await world.stores.restartNats();
  await publish(20);
  await assertExactlyOnce();
  await writer.close();
});

test('two owners that both believe in their lease: every event once', async () => {
  // Their batches end in different places, so a writer that trusts its own count goes wrong at once.
  const writers = await Promise.all(
    [20, 35].map((batchRows) => world.startWriter({ withoutLease: true, batchRows })),
  );
  for (let round = 0; round < 5; round++) {
    await publish(60);
    await delay(100);
  }
  await assertExactlyOnce();
  for (const writer of writers) await writer.close();
});

test('a body that was half sent when another owner took over is not stored as well', async () => {
  const stored = await world.table.position(SHARD_NUMBER);
  const rows: Row[] = [];
  for (let message = 0; message < 4; message++) {
    const event = { id: `e${published}`, key: `k${published++}` };
    const seq = await world.publish([event]);
    const data = encodeEvent(event);
    rows.push({ data, start: 0, end: data.length, keyAt: -1, seq, index: 0 });
  }
  const halfSent = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const bytes = Buffer.concat([...encodeRows(rows, SHARD_NUMBER, monthOf(new Date().toISOString()))]);
  async function* body() {
    yield bytes.subarray(0, bytes.length / 2);
    halfSent.resolve();
    await goOn.promise;
    yield bytes.subarray(bytes.length / 2);
  }
  // Under an id that no takeover looks for: only the token is left to keep it out.
  const paused = createEventTable({ client: world.stores.client, database: 'millrace' }).insert({
    body: body(),
    token: `${SHARD_NUMBER}:${stored}`,
    queryId: 'paused-owner',
    timeoutMs: 30_000,
  });
  await halfSent.promise;
  const writer = await world.startWriter();
  await world.until(published);
  goOn.resolve();
  await paused;
  await assertExactlyOnce();
  await writer.close();
});

test('a token that ClickHouse knows without having its rows, as a kill may leave one, holds nothing up', async () => {
  const stored = await world.table.position(SHARD_NUMBER);
  const elsewhere = 9_999;
  for (const token of [`${SHARD_NUMBER}:${stored}`, `${SHARD_NUMBER}:${stored}:1`]) {
    const data = encodeEvent({ id: token });
    await world.table.insert({
      body: encodeRows(
        [{ data, start: 0, end: data.length, keyAt: -1, seq: 1, index: 0 }],
        elsewhere,
        monthOf(new Date().toISOString()),
      ),
      token,
      queryId: token,
      timeoutMs: 30_000,
    });
  }
  await world.stores.client.command({
    query: `ALTER TABLE events DELETE WHERE _shard = ${elsewhere}`,
    clickhouse_settings: { mutations_sync: '1' },
  });
  const writer = await world.startWriter();
  await publish(10);
  await assertExactlyOnce();
  await writer.close();
});
