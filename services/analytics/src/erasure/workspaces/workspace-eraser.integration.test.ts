import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { systemClock } from '@millrace/runtime';
import { newWorkspaceDeletion, type WorkspaceDeletionRecord } from '@millrace/stores';
import { createFixedClock, eventually } from '@millrace/testkit';
import { createFurnishedWorld, EVERYTHING, NOTHING } from '../../../test/furnished-world.ts';
import { type EraserStep, SETTLED_AFTER_MS } from './workspace-eraser.ts';

const SOON = { timeoutMs: 60_000, intervalMs: 100 };

let world: Awaited<ReturnType<typeof createFurnishedWorld>>;
before(async () => {
  world = await createFurnishedWorld();
});
after(() => world.close());

let writer: ReturnType<typeof world.startWriter> | undefined;
/** Starts one where none runs. */
const startWriting = () => {
  writer ??= world.startWriter();
  return writer;
};

const rows = async () => Number((await world.query<{ n: string }>('SELECT count() AS n FROM events'))[0]?.n);

const has = (workspaceId: string, expected: Readonly<Record<string, number>>) =>
  eventually(async () => assert.deepEqual(await world.tracesOf(workspaceId), expected), SOON);

async function askFor(workspaceId: string, createdAtMs = systemClock.now()): Promise<string> {
  const id = randomUUID();
  await world.jobs.create(id, newWorkspaceDeletion({ id, workspaceId, requestedBy: 'owner', createdAtMs }));
  return id;
}

const untilJob = (id: string, look: () => Promise<void>, holds: (job: WorkspaceDeletionRecord) => boolean) =>
  eventually(async () => {
    await look();
    const job = (await world.jobs.read(id))?.value;
    if (job === undefined || !holds(job)) throw new Error(JSON.stringify(job));
    return job;
  }, SOON);

test('one of everything goes, stored by then or not; the same ids elsewhere stay; late ones go before it is done', async () => {
  const clock = createFixedClock(systemClock.now());
  const [gone, kept] = ['gone-workspace', 'kept-workspace'];
  await world.furnish(kept);
  await world.furnish(gone);
  const replica = await world.open({ clock });
  const id = await askFor(gone, clock.now());
  await untilJob(id, replica.look, ({ pass }) => pass !== null);
  for (let looks = 0; looks < 3; looks++) await replica.look();
  const waiting = (await world.jobs.read(id))?.value;
  assert.deepEqual([waiting?.status, waiting?.pass?.batch], ['pending', ''], 'its events are not stored yet');
  const first = await startWriting();
  await has(kept, EVERYTHING);
  const passed = await untilJob(id, replica.look, ({ pass, progress }) => pass === null && progress === 1);
  assert.equal(passed.status, 'running', 'something may still be on its way');
  await has(gone, NOTHING);
  await has(kept, EVERYTHING);

  const stored = await rows();
  await world.publishEvents([{ id: 'late', workspaceId: gone, userId: 'user' }]);
  await world.until(stored + 1);
  clock.advance(SETTLED_AFTER_MS);
  await untilJob(id, replica.look, ({ status }) => status === 'done');
  await has(gone, NOTHING);
  await has(kept, EVERYTHING);

  // What went was the shard's newest row: a writer that starts must not take it for unstored.
  await first.close();
  writer = undefined;
  await startWriting();
  await world.publishEvents([{ id: 'next', workspaceId: kept, userId: 'user' }]);
  await world.until(stored + 1);
  await has(gone, NOTHING);
  await replica.close();
});

const STEPS: readonly EraserStep[] = [
  'pass begun',
  'batch recorded',
  'mutations sent',
  'dead letters deleted',
  'audit entries deleted',
  'settings removed',
  'pass ended',
];

for (const [at, step] of STEPS.entries()) {
  test(`killed with "${step}": another process goes on`, async () => {
    await startWriting();
    const workspaceId = `killed-workspace-${at}`;
    await world.furnish(workspaceId);
    await has(workspaceId, EVERYTHING);
    const id = await askFor(workspaceId);
    assert.equal(await world.workUntilKilled(step), 'SIGKILL');
    assert.notEqual((await world.jobs.read(id))?.value.status, 'done');
    const clock = createFixedClock(systemClock.now() + SETTLED_AFTER_MS);
    const next = await world.open({ clock });
    await untilJob(id, next.look, ({ status }) => status === 'done');
    await has(workspaceId, NOTHING);
    await next.close();
  });
}

test('a mutation that an operator has killed begins again', async () => {
  await startWriting();
  const workspaceId = 'stopped-workspace';
  await world.furnish(workspaceId);
  await has(workspaceId, EVERYTHING);
  const { client } = world.stores;
  const clock = createFixedClock(systemClock.now() + SETTLED_AFTER_MS);
  const replica = await world.open({ clock });
  await client.command({ query: 'SYSTEM STOP MERGES events' });
  const id = await askFor(workspaceId, clock.now() - SETTLED_AFTER_MS);
  const { pass } = await untilJob(id, replica.look, (job) => Boolean(job.pass?.batch));
  await client.command({
    query: 'KILL MUTATION WHERE position(command, {batch:String}) > 0',
    query_params: { batch: pass?.batch },
  });
  await client.command({ query: 'SYSTEM START MERGES events' });
  await untilJob(id, replica.look, ({ status }) => status === 'done');
  await has(workspaceId, NOTHING);
  await replica.close();
});

test('the job tells when the stream has nothing of the workspace any more, and is forgotten 90 days later', async () => {
  const clock = createFixedClock(systemClock.now() + SETTLED_AFTER_MS);
  const replica = await world.open({ clock });
  const id = await askFor('empty-workspace', clock.now() - SETTLED_AFTER_MS);
  const done = await untilJob(id, replica.look, ({ status }) => status === 'done');
  assert.equal(done.streamClearedAtMs, null);
  const { streams } = await world.connection.jetstreamManager();
  await streams.purge('EVENTS');
  await untilJob(id, replica.look, ({ streamClearedAtMs }) => streamClearedAtMs !== null);
  clock.advance(90 * 24 * 60 * 60 * 1_000);
  await eventually(async () => {
    await replica.look();
    assert.equal(await world.jobs.read(id), undefined);
  }, SOON);
  await replica.close();
});
