import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { systemClock } from '@millrace/runtime';
import { openEventFeed } from '@millrace/stores';
import { log } from '../../test/analytics-world.ts';
import { createErasureWorld } from '../../test/erasure-world.ts';
import { tailOver, watch } from '../../test/tail.ts';
import { deletionState } from './eraser.ts';

/** Whatever a client may call a user. */
const USER = `o'b\\"r\n\té{x:String}`;
const NOTHING = { events: 0, p_user: 0, p_userevents: 0, p_bytype: 0, p_dim: 0, dead_letters: 0 };

let world: Awaited<ReturnType<typeof createErasureWorld>>;
let stored = 0;
before(async () => {
  world = await createErasureWorld();
});
after(() => world.close());
afterEach(async () => {
  stored = Number((await world.query<{ n: string }>('SELECT count() AS n FROM events'))[0]?.n);
});

test('what was accepted before the request goes from everywhere, stored by then or not; the rest stays', async () => {
  const replica = await world.openReplica();
  await world.publishEvents([
    { id: 'w1-early', workspaceId: 'w1', userId: USER, payload: '{"secret":1}' },
    { id: 'w1-other', workspaceId: 'w1', userId: 'other' },
    { id: 'w2-early', workspaceId: 'w2', userId: USER },
  ]);
  await world.publishDamaged({ id: 'w1-damaged', workspaceId: 'w1', userId: USER });
  await world.publishDamaged({ id: 'w1-damaged-other', workspaceId: 'w1', userId: 'other' });
  const { id } = await replica.request('w1', USER);
  world.metrics.followJobs(() => deletionState(replica.deps.records, systemClock.now()));
  await replica.look();
  assert.equal(replica.status(id), 'pending', 'nothing is stored yet that could be deleted');
  const waiting = await world.told();
  assert.equal(waiting['deletion_jobs{state="pending"}'], 1);
  assert.ok((waiting['deletion_oldest_unfinished_seconds'] ?? 0) > 0);
  await world.publishEvents([{ id: 'w1-late', workspaceId: 'w1', userId: USER }]);
  await world.startWriter();
  await world.until(stored + 4);
  assert.equal(await world.deadLetterCount(), 2);
  await replica.until(id, 'done');
  const told = await world.told();
  assert.equal(told['deletion_jobs{state="pending"}'], 0);
  assert.equal(told['deletion_jobs{state="done"}'], 1);
  assert.equal(told['deletion_oldest_unfinished_seconds'], 0);
  assert.equal(told['deletion_duration_seconds_count{outcome="done"}'], 1);

  const rows = await world.query<{ id: string }>(
    'SELECT event_id AS id FROM events ORDER BY _seq, _index SETTINGS optimize_use_projections = 0',
  );
  assert.deepEqual(
    rows.map((row) => row.id),
    ['w1-other', 'w2-early', 'w1-late'],
  );
  const one = { ...NOTHING, events: 1, p_user: 1, p_userevents: 1, p_bytype: 1, p_dim: 1 };
  assert.deepEqual(await world.traces('w1', USER), one, 'the late one only');
  assert.deepEqual(await world.traces('w2', USER), one, 'the namesake is another');
  assert.deepEqual(await world.traces('w1', 'other'), { ...one, dead_letters: 1 });
  assert.equal(await world.deadLetterCount(), 1, 'the damaged event of the other is kept');
  const { rows: count, rollup } = await world.counts();
  assert.equal(count, rollup);
});

test('a tail that goes back shows nobody of them; a namesake elsewhere and what came later are shown', async () => {
  const { deletions } = await world.openReplica();
  const { connection } = world;
  const feed = openEventFeed({ connection, readAheadBytes: 1024 * 1024, clock: systemClock, log });
  const { tail } = tailOver(feed, { isErased: deletions.isErased });
  const shown = async (workspaceId: string) => {
    const watcher = await watch(tail, { workspaceId, last: 100 });
    await world.publishEvents([{ id: `${workspaceId}-end`, workspaceId }]);
    while (!watcher.ids().includes(`${workspaceId}-end`)) await watcher.next();
    await watcher.leave();
    return watcher.ids();
  };
  assert.deepEqual(await shown('w1'), ['w1-other', 'w1-late', 'w1-end']);
  assert.deepEqual(await shown('w2'), ['w2-early', 'w2-end']);
  await tail.close();
});

test('the newest row of a shard is deleted: its position stays, and nothing is stored again', async () => {
  const replica = await world.openReplica();
  await world.publishEvents([{ id: 'newest', workspaceId: 'w3', userId: 'last' }]);
  await world.until(stored + 1);
  const { id } = await replica.request('w3', 'last');
  await replica.until(id, 'done');
  assert.deepEqual(await world.traces('w3', 'last'), NOTHING);
  await world.startWriter();
  await world.publishEvents([{ id: 'next', workspaceId: 'w3', userId: 'next' }]);
  await world.until(stored + 1);
  assert.deepEqual(await world.traces('w3', 'last'), NOTHING);
});

for (const when of ['before', 'after'] as const) {
  test(`a process that dies ${when} the mutation is sent: another one goes on`, async () => {
    const dying = await world.openReplica({
      store: (store) => ({
        ...store,
        async begin(batch, targets) {
          if (when === 'after') await store.begin(batch, targets);
          throw new Error('killed');
        },
      }),
    });
    const user = `dying-${when}`;
    await world.publishEvents([{ id: user, workspaceId: 'w4', userId: user }]);
    await world.until(stored + 1);
    const { id } = await dying.request('w4', user);
    await assert.rejects(async () => {
      for (;;) await dying.look();
    }, /killed/);
    const next = await world.openReplica();
    assert.equal(next.status(id), 'running');
    await next.until(id, 'done');
    assert.deepEqual(await world.traces('w4', user), NOTHING);
  });
}

test('ClickHouse is killed in the middle of the mutation: it is done after the restart', async () => {
  const replica = await world.openReplica();
  await world.publishEvents([{ id: 'mid', workspaceId: 'w5', userId: 'mid' }]);
  await world.until(stored + 1);
  // Mutations wait with the merges, until the server starts anew.
  await world.stores.client.command({ query: 'SYSTEM STOP MERGES events' });
  const { id } = await replica.request('w5', 'mid');
  await replica.until(id, 'running');
  await replica.look();
  assert.equal((await world.traces('w5', 'mid'))['events'], 1);
  await world.stores.clickhouse.kill();
  await assert.rejects(replica.look(), { code: 'unavailable' });
  assert.equal(replica.status(id), 'running');
  await world.stores.restartClickHouse();
  await replica.until(id, 'done');
  assert.deepEqual(await world.traces('w5', 'mid'), NOTHING);
});

test('several users of several workspaces go by one mutation', async () => {
  const replica = await world.openReplica();
  const users = ['one', 'two', 'three'];
  for (const user of users)
    await world.publishEvents([{ id: user, workspaceId: `many-${user}`, userId: user }]);
  await world.until(stored + users.length);
  const jobs = await Promise.all(users.map((user) => replica.request(`many-${user}`, user)));
  for (const { id } of jobs) await replica.until(id, 'done');
  const batches = new Set(jobs.map(({ id }) => replica.deps.records.get(id)?.value.batch));
  assert.equal(batches.size, 1);
  for (const user of users) assert.deepEqual(await world.traces(`many-${user}`, user), NOTHING);
});

test('jobs are seen by their own workspace only, the newest first', async () => {
  const { deletions, request } = await world.openReplica();
  const mine = [await request('list-1', 'u'), await request('list-1', 'u')].map(({ id }) => id);
  const theirs = await request('list-2', 'u');
  const asked = { $typeName: 'millrace.analytics.v1.ListDeletionsRequest', pageToken: '' } as const;
  const first = deletions.list({ ...asked, workspaceId: 'list-1', pageSize: 1 });
  assert.deepEqual(
    first.deletions?.map(({ id }) => id),
    [mine[1]],
  );
  const second = deletions.list({
    ...asked,
    workspaceId: 'list-1',
    pageSize: 1,
    pageToken: first.nextPageToken ?? '',
  });
  assert.deepEqual(
    second.deletions?.map(({ id }) => id),
    [mine[0]],
  );
  assert.equal(second.nextPageToken, '');
  const foreign = { $typeName: 'millrace.analytics.v1.GetDeletionRequest', workspaceId: 'list-1' } as const;
  assert.throws(() => deletions.get({ ...foreign, id: theirs.id }), { code: 'not_found' });
});
