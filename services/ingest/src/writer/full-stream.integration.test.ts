import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectNats, type NatsConnection, watchStreamRoom } from '@millrace/stores';
import { testLog } from '../../test/stores.ts';
import { createWorld, type World } from '../../test/world.ts';

let world: World;
let connection: NatsConnection;
before(async () => {
  world = await createWorld({ streamMaxBytes: 1_000_000 });
  connection = await connectNats({ url: world.stores.nats.url, name: 'room', log: testLog });
});
after(async () => {
  await connection?.close();
  await world?.close();
});

test('a stream that filled while ClickHouse was away has room as soon as its events are stored', async () => {
  const room = watchStreamRoom({ manager: await connection.jetstreamManager(), log: testLog });
  const until = async (nearlyFull: boolean) => {
    // Far below a minute, after which the stream is trimmed in any case.
    for (let look = 0; look < 300 && room.nearlyFull !== nearlyFull; look++) await delay(50);
    assert.equal(room.nearlyFull, nearlyFull);
  };
  const writer = await world.startWriter();
  await world.publish([{ id: 'first' }]);
  await world.until(1);
  await world.stores.clickhouse.kill();
  let published = 1;
  const manager = await connection.jetstreamManager();
  while ((await manager.streams.info('EVENTS')).state.bytes < 850_000) {
    await world.publish(Array.from({ length: 300 }, () => ({ id: `e${published++}` })));
  }
  await until(true);
  await world.stores.restartClickHouse();
  await world.until(published);
  await until(false);
  assert.deepEqual(await world.counts(), { rows: published, ids: published, rollup: published });
  room.close();
  await writer.close();
});
