import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { frameItem } from '@millrace/wire';
import { encodeEnvelope, encodeEvent } from '../../test/events.ts';
import { createWorld, type World } from '../../test/world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world?.close());

const framed = (event: Buffer) => frameItem({ event, dedupKey: '', bodyHash: '12345678', eventId: 'x' });

async function deadLetters(): Promise<{ reason: string; index: number; body: string }[]> {
  return world.query(
    'SELECT reason, `index`, hex(body) AS body FROM dead_letters FINAL ORDER BY seq, `index`',
  );
}

test('what can not be stored is parked with its bytes, and all the rest is stored', async () => {
  const garbage = Buffer.from('this is no envelope');
  const cutOff = encodeEvent({ id: 'cut' }).subarray(0, -3);
  // Well-formed, but no UInt8: only ClickHouse notices.
  const refused = Buffer.from(
    toBinary(EventSchema, create(EventSchema, { workspaceId: 'w1', eventId: 'refused', priority: 300 })),
  );
  await world.publish([{ id: 'good-1' }]);
  await world.publishBytes(garbage);
  await world.publishBytes(Buffer.concat([encodeEnvelope([{ id: 'good-2' }]), framed(cutOff)]));
  await world.publishBytes(
    Buffer.concat([
      framed(refused),
      encodeEnvelope(Array.from({ length: 300 }, (_, i) => ({ id: `bulk-${i}` }))),
      framed(refused),
    ]),
  );
  const writer = await world.startWriter();
  await world.until(302);

  assert.deepEqual(await world.counts(), { rows: 302, ids: 302, rollup: 302 });
  assert.deepEqual(
    (await deadLetters()).map(({ reason, index }) => ({ reason, index })),
    [
      { reason: 'malformed_envelope', index: 0 },
      { reason: 'malformed_event', index: 1 },
      { reason: 'refused_by_store', index: 0 },
      { reason: 'refused_by_store', index: 301 },
    ],
  );
  assert.deepEqual(
    (await deadLetters()).map(({ body }) => Buffer.from(body, 'hex')),
    [garbage, cutOff, refused, refused],
  );
  const belongings = await world.query(
    'SELECT workspace_id, event_id, event_type FROM dead_letters FINAL ORDER BY seq, `index`',
  );
  assert.deepEqual(belongings, [
    // A whole message may have events of many workspaces.
    { workspace_id: '', event_id: '', event_type: '' },
    { workspace_id: 'w1', event_id: 'cut', event_type: 'test.happened' },
    { workspace_id: 'w1', event_id: 'refused', event_type: '' },
    { workspace_id: 'w1', event_id: 'refused', event_type: '' },
  ]);
  const metrics = await writer.metrics.metrics();
  assert.match(metrics, /millrace_dead_letters_total\{reason="refused_by_store"\} 2/);
  assert.equal(await world.deadLetterCount(), 4);
  await writer.close();
});

test('a message of nothing but poison is passed, and parked once over a restart', async () => {
  const before = (await deadLetters()).length;
  await world.publishBytes(Buffer.from('poison'));
  for (let round = 0; round < 2; round++) {
    const writer = await world.startWriter();
    await world.publish([{ id: `behind-${round}` }]);
    await world.until(303 + round);
    await writer.close();
  }
  assert.equal((await deadLetters()).length, before + 1);
});

test('a message of nothing but poison, as large as messages come, does not hold up the shard', async () => {
  const before = (await deadLetters()).length;
  await world.publishBytes(Buffer.alloc(4 * 1024 * 1024, 0xff));
  const writer = await world.startWriter();
  await world.publish([{ id: 'behind-large' }]);
  await world.until(305);
  assert.equal((await deadLetters()).length, before + 1);
  await writer.close();
});

test('kill -9 after-parking: the item is parked once and what follows is stored', async () => {
  const before = (await deadLetters()).length;
  await world.publishBytes(Buffer.from('more poison'));
  await world.publish([{ id: 'behind-kill' }]);
  const [, signal] = await once(world.spawnWriter({ DIE_AT: 'after-parking' }), 'exit');
  assert.equal(signal, 'SIGKILL');
  const writer = await world.startWriter();
  await world.until(306);
  assert.equal((await deadLetters()).length, before + 1);
  assert.equal(await world.deadLetterCount(), before + 1);
  await writer.close();
});
