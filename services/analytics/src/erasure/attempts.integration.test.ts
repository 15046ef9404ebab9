import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AttemptRow, createAttemptInserter } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import { attemptRow } from '../../test/attempts.ts';
import { createErasureWorld } from '../../test/erasure-world.ts';

const SOON = { timeoutMs: 60_000, intervalMs: 100 };

let world: Awaited<ReturnType<typeof createErasureWorld>>;
before(async () => {
  world = await createErasureWorld();
});
after(() => world.close());

const insert = (...rows: Partial<AttemptRow>[]) =>
  createAttemptInserter({ client: world.stores.client, database: 'millrace' }).insert(rows.map(attemptRow));

const kept = async () =>
  (await world.query<{ id: string }>('SELECT delivery_id AS id FROM webhook_attempts ORDER BY id')).map(
    ({ id }) => id,
  );

test('what was answered to a user’s events goes with them, and what is answered later before the user is forgotten', async () => {
  await world.startWriter();
  await world.publishEvents([{ id: 'e', workspaceId: 'w1', userId: 'user' }]);
  await world.until(1);
  const replica = await world.openReplica();
  const { id } = await replica.request('w1', 'user');
  const seq = replica.deps.records.get(id)?.value.throughSeq ?? 0;
  const response = Buffer.from('{"email":"user@example.org"}');
  const theirs = { workspaceId: 'w1', userId: 'user', seq, response };
  await insert(
    { ...theirs, deliveryId: 'theirs' },
    { ...theirs, deliveryId: 'theirs', attempt: 2 },
    { ...theirs, deliveryId: 'kept-new', seq: seq + 1 },
    { ...theirs, deliveryId: 'kept-other', userId: 'other' },
    { ...theirs, deliveryId: 'kept-namesake', workspaceId: 'w2' },
    { ...theirs, deliveryId: 'kept-test', userId: '', seq: 0 },
  );
  await replica.until(id, 'done');
  const others = ['kept-namesake', 'kept-new', 'kept-other', 'kept-test'];
  assert.deepEqual(await kept(), others);

  await insert({ ...theirs, deliveryId: 'theirs-late', attempt: 3 });
  await replica.look();
  assert.ok((await kept()).includes('theirs-late'), 'not while the stream may still bring more');
  const { streams } = await world.connection.jetstreamManager();
  await streams.purge('EVENTS');
  await eventually(async () => {
    await replica.look();
    assert.equal(replica.deps.records.get(id)?.value.userId, '');
    assert.deepEqual(await kept(), others);
  }, SOON);
});
