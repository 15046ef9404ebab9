import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createWorld, type World } from '../../../ingest/test/world.ts';
import { createRandom } from '../../test/random.ts';
import { assertRollupsEqual } from '../../test/rollup-rows.ts';
import { verifyRollups } from './rollups/verify-rollups.ts';

/** The lease of a killed writer lasts for three seconds, so each takes five. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 8);
const MESSAGES_A_ROUND = 40;
/** The writer inserts 50 at once, so a round has eight inserts. */
const EVENTS_A_MESSAGE = 10;
const FAILPOINTS = ['before-insert', 'after-insert', 'after-position', 'any'];

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world?.close());

test(`kill -9 of the writer, ${ROUNDS} rounds: every event is stored once, and rollups equal the rows`, async (t) => {
  const random = createRandom(10);
  let published = 0;
  let storedAtKills = 0;
  const event = () => ({ id: `e${published}`, key: `k${published++}` });
  const storedRows = async () => (await world.counts()).rows;
  for (let round = 0; round < ROUNDS; round++) {
    const before = await storedRows();
    for (let message = 0; message < MESSAGES_A_ROUND; message++) {
      await world.publish(Array.from({ length: EVENTS_A_MESSAGE }, event));
    }
    const failpoint = FAILPOINTS[round % FAILPOINTS.length] ?? '';
    const writer = world.spawnWriter({ DIE_AT: failpoint, DIE_AFTER: String(1 + random.below(6)) });
    const exit = once(writer, 'exit');
    if (failpoint === 'any') {
      await world.until(before + 1);
      await delay(random.below(100));
      writer.kill('SIGKILL');
    }
    const [, signal] = await exit;
    assert.equal(signal, 'SIGKILL');
    if ((await storedRows()) < published) storedAtKills++;
  }
  t.diagnostic(`${published} events; ${storedAtKills} of ${ROUNDS} kills left events that were not stored`);
  assert.ok(storedAtKills > 0, 'no kill met the writer at work');
  const writer = await world.startWriter();
  await world.until(published, 60_000);
  await writer.close();
  const { client } = world.stores;
  const { rows, ids } = await world.counts();
  assert.deepEqual({ rows, ids }, { rows: published, ids: published });
  assertRollupsEqual(await verifyRollups({ client, database: 'millrace', table: 'events' }), published);
});
