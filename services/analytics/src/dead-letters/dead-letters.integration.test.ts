import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DeadLetterState } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { createEventTable } from '@millrace/stores';
import { deadLetterIdentity, dedupKey } from '@millrace/wire';
import { type AnalyticsWorld, createAnalyticsWorld } from '../../test/analytics-world.ts';

const CALL = { timeoutMs: 20_000 };
const WORKSPACES = ['w1', 'w2'];

let world: AnalyticsWorld;
let methods: ReturnType<AnalyticsWorld['startReplica']>['methods'];

before(async () => {
  world = await createAnalyticsWorld();
  const replica = world.startReplica();
  methods = replica.methods;
  await replica.app.prepared;
});
after(() => world.close());

const park = (places: readonly { workspaceId: string; seq: number; parkedAtMs?: number }[]) =>
  createEventTable({ client: world.client, database: 'millrace' }).park(
    places.map(({ workspaceId, seq, parkedAtMs = 1_700_000_000_000 + seq }) => ({
      ...{ workspaceId, seq, parkedAtMs },
      shard: 1000,
      index: WORKSPACES.indexOf(workspaceId),
      reason: 'refused_by_store',
      detail: 'why',
      eventId: `e${seq}`,
      eventType: 'test.happened',
      body: Buffer.from([0x0a, 2, ...Buffer.from(workspaceId)]),
    })),
  );
const get = (workspaceId: string, id: string) => methods.getDeadLetter({ workspaceId, id }, CALL);
const record = (
  workspaceId: string,
  change: { id: string; state: DeadLetterState; version: number; event?: Uint8Array; eventType?: string },
) => methods.recordDeadLetterChanges({ workspaceId, changes: [change] }, CALL);
const stateOf = async (id: string) => (await get('w1', id)).deadLetter?.state;

test('letters with their bytes, and what was decided of them; of another workspace nothing', async () => {
  await park(WORKSPACES.map((workspaceId) => ({ workspaceId, seq: 1 })));
  const parked = await get('w1', '1000-1-0');
  assert.equal(parked.deadLetter?.state, DeadLetterState.PARKED);
  assert.equal(parked.deadLetter?.changedAt, undefined);
  assert.equal(parked.version, 0);
  assert.deepEqual([...parked.event], [0x0a, 2, ...Buffer.from('w1')]);
  const event = Buffer.from([0, 255, 10]);
  await record('w1', {
    id: '1000-1-0',
    state: DeadLetterState.PARKED,
    version: 1,
    event,
    eventType: 'other',
  });
  // As somebody might who has no letter of that place.
  await record('w2', { id: '1000-1-0', state: DeadLetterState.DISCARDED, version: 9 });
  const edited = await get('w1', '1000-1-0');
  assert.deepEqual(Buffer.from(edited.event), event);
  assert.deepEqual(
    [edited.version, edited.deadLetter?.edited, edited.deadLetter?.eventType],
    [1, true, 'other'],
  );
  assert.equal(edited.deadLetter?.state, DeadLetterState.PARKED);
  await assert.rejects(get('w2', '1000-1-0'), { code: 'not_found' });
  assert.equal((await get('w2', '1000-1-1')).deadLetter?.edited, false);
});

test('nothing leads back from replayed: neither a late edit or discard, nor parking it once more', async () => {
  const id = '1000-2-0';
  await park([{ workspaceId: 'w1', seq: 2 }]);
  await record('w1', { id, state: DeadLetterState.REPLAYED, version: 1 });
  await record('w1', { id, state: DeadLetterState.DISCARDED, version: 2 });
  await record('w1', {
    id,
    state: DeadLetterState.PARKED,
    version: 3,
    event: Buffer.from('x'),
    eventType: 't',
  });
  await park([{ workspaceId: 'w1', seq: 2, parkedAtMs: Date.now() }]);
  assert.equal(await stateOf(id), DeadLetterState.REPLAYED);
  await world.client.command({ query: 'OPTIMIZE TABLE dead_letter_changes FINAL' });
  assert.equal(await stateOf(id), DeadLetterState.REPLAYED);
});

test('a replay whose record was lost is known by its event, in the letter’s workspace alone', async () => {
  const id = '1000-3-0';
  await park([{ workspaceId: 'w1', seq: 3 }]);
  const store = (workspaceId: string) =>
    world.client.command({
      query: `INSERT INTO events (workspace_id, event_id, dedup_key, received_at_ms, occurred_at_ms)
        SELECT {workspaceId:String}, 'e3', toFixedString(unhex({key:String}), 16), 1700000000000, 0`,
      query_params: {
        workspaceId,
        key: Buffer.from(dedupKey(workspaceId, deadLetterIdentity(id)), 'latin1').toString('hex'),
      },
    });
  await store('w2');
  assert.equal(await stateOf(id), DeadLetterState.PARKED);
  await store('w1');
  assert.equal(await stateOf(id), DeadLetterState.REPLAYED);
});

test('a list: newest first, narrowed, in pages without a gap or a repetition', async () => {
  await park(Array.from({ length: 9 }, (_, i) => ({ workspaceId: 'w1', seq: 10 + i })));
  // At one moment too.
  await park([20, 21, 22].map((seq) => ({ workspaceId: 'w1', seq, parkedAtMs: 1_700_000_000_015 })));
  await record('w1', { id: '1000-12-0', state: DeadLetterState.DISCARDED, version: 1 });
  const read = async (request: object) => {
    const seqs: number[] = [];
    let pageToken = '';
    do {
      const page = { ...request, pageToken, pageSize: 4 };
      const { response } = await methods.listDeadLetters({ workspaceId: 'w1', request: page }, CALL);
      seqs.push(...(response?.deadLetters ?? []).map(({ id }) => Number(id.split('-')[1])));
      pageToken = response?.nextPageToken ?? '';
    } while (pageToken !== '');
    return seqs;
  };
  assert.deepEqual(await read({}), [2, 18, 17, 16, 22, 21, 20, 15, 14, 13, 12, 11, 10, 3, 1]);
  assert.deepEqual(await read({ state: DeadLetterState.DISCARDED }), [12]);
  assert.deepEqual(await read({ state: DeadLetterState.REPLAYED }), [2]);
  assert.deepEqual(await read({ eventType: 'other' }), [1]);
  assert.deepEqual(await read({ reason: 'malformed_event' }), []);
});
