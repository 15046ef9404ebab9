import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock, uuidv7 } from '@millrace/runtime';
import { openRecords } from '@millrace/stores';
import { createFixedClock, eventually } from '@millrace/testkit';
import { log } from '../../test/analytics-world.ts';
import { createErasureWorld } from '../../test/erasure-world.ts';
import { keepPositions } from '../erasure/eraser.ts';
import { createRetention, deleteExpired, type RetentionRecord, retentionRecord } from './retention.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOW_MS = Date.UTC(2030, 0, 31);

let world: Awaited<ReturnType<typeof createErasureWorld>>;
before(async () => {
  world = await createErasureWorld();
});
after(() => world.close());

test('what is older than a workspace keeps goes, to the millisecond; others keep theirs; nothing is stored again', async () => {
  const parse = (stored: unknown): RetentionRecord => retentionRecord.parse(stored);
  const common = { connection: world.connection, replicas: 1, clock: systemClock, log };
  const records = await openRecords({ ...common, bucket: 'retention', parse });
  const retention = createRetention(records);
  const { deps } = await world.openReplica();
  const clock = createFixedClock(NOW_MS);
  const pass = () =>
    deleteExpired({
      ...{ records, client: world.stores.client, stream: deps.stream, newId: uuidv7, clock, log },
      positions: () => keepPositions(deps),
    });
  const cutMs = NOW_MS - 30 * DAY_MS;
  const events = (workspaceId: string) => [
    { id: `${workspaceId}-kept`, workspaceId, receivedAtMs: cutMs },
    { id: `${workspaceId}-expired`, workspaceId, receivedAtMs: cutMs - 1 },
  ];
  await world.publishEvents([...events('short'), ...events('ever'), ...events('reset')]);
  assert.equal(await retention.set('short', 30), 0);
  assert.equal(await retention.set('reset', 30), 0);
  assert.equal(await retention.set('reset', 0), 30);
  assert.equal(retention.get('short'), 30);
  assert.equal(retention.get('ever'), 0);
  await pass();
  assert.equal(records.get('short')?.value.passedAtMs, 0, 'not before all is stored');
  await world.startWriter();
  await world.until(6);
  const ids = async () =>
    (await world.query<{ id: string }>('SELECT event_id AS id FROM events ORDER BY id')).map(({ id }) => id);
  const kept = ['ever-expired', 'ever-kept', 'reset-expired', 'reset-kept', 'short-kept'];
  await eventually(async () => {
    await pass();
    assert.deepEqual(await ids(), kept);
  });
  const { rows, rollup } = await world.counts();
  assert.equal(rows, rollup);
  await world.publishEvents([{ id: 'short-late', workspaceId: 'short', receivedAtMs: cutMs - 1 }]);
  await world.until(6);
  await pass();
  assert.deepEqual(await ids(), [...kept, 'short-late'], 'once a day');
  clock.advance(DAY_MS);
  await eventually(async () => {
    await pass();
    assert.ok(!(await ids()).includes('short-late'));
  });
  await assert.rejects(retention.set('short', 3_651), { code: 'invalid_argument' });
  await records.close();
});
