import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { MillraceError, systemClock, uuidv7 } from '@millrace/runtime';
import { createAttemptInserter, openRecords } from '@millrace/stores';
import { createFixedClock, eventually } from '@millrace/testkit';
import { encodeEvent } from '@millrace/wire';
import { log } from '../../test/analytics-world.ts';
import { ATTEMPTED_AT_MS, attemptRow } from '../../test/attempts.ts';
import { createErasureWorld } from '../../test/erasure-world.ts';
import { keepPositions } from '../erasure/eraser.ts';
import { deleteExpired, lastPassMs, type RetentionDeps } from './delete-expired.ts';
import { createRetention, type RetentionRecord, retentionRecord } from './retention.ts';

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
    deleteExpired(
      {
        ...{ records, client: world.stores.client, stream: deps.stream, newId: uuidv7, clock, log },
        ...{ metrics: world.metrics, positions: () => keepPositions(deps) },
      },
      AbortSignal.timeout(60_000),
    );
  world.metrics.followPasses(() => lastPassMs(records));
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
  assert.equal((await world.told())['retention_last_success_timestamp_seconds'], 0);
  await world.startWriter();
  await world.until(6);
  const ids = async () =>
    (await world.query<{ id: string }>('SELECT event_id AS id FROM events ORDER BY id')).map(({ id }) => id);
  const kept = ['ever-expired', 'ever-kept', 'reset-expired', 'reset-kept', 'short-kept'];
  await eventually(async () => {
    await pass();
    assert.deepEqual(await ids(), kept);
  });
  const told = await world.told();
  assert.equal(told['retention_runs_total{outcome="deleted"}'], 1);
  assert.equal(told['retention_expired_rows_total{table="events"}'], 1);
  assert.equal(told['retention_last_success_timestamp_seconds'], NOW_MS / 1_000);
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

test('dead letters go with what was decided about them, from the table and the stream; nobody else’s, and none that is kept', async () => {
  const parse = (stored: unknown): RetentionRecord => retentionRecord.parse(stored);
  const common = { connection: world.connection, replicas: 1, clock: systemClock, log };
  const records = await openRecords({ ...common, bucket: 'retention-of-letters', parse });
  const { deps } = await world.openReplica();
  const passWith = (stream: RetentionDeps['stream']) =>
    deleteExpired(
      {
        ...{ records, client: world.stores.client, stream, newId: uuidv7, log, metrics: world.metrics },
        ...{ clock: createFixedClock(NOW_MS), positions: () => keepPositions(deps) },
      },
      AbortSignal.timeout(60_000),
    );
  const cutMs = NOW_MS - 30 * DAY_MS;
  for (const [workspaceId, seq, parkedAtMs] of [
    ['brief', 10, cutMs - 1],
    // Parked once more after a crash, and what was parked behind it.
    ['brief', 15, cutMs - 1],
    ['brief', 15, cutMs],
    ['brief', 20, cutMs],
    ['patient', 5, cutMs - 1],
  ] as const) {
    await plantLetter({ workspaceId, seq, parkedAtMs, reason: 'malformed_event' });
    await plantChange(workspaceId, seq);
  }
  await plantLetter({ workspaceId: 'brief', seq: 7, parkedAtMs: cutMs - 1, reason: 'malformed_envelope' });
  await createRetention(records).set('brief', 30);
  const before = await world.told();

  const away = () => Promise.reject(new MillraceError('unavailable', 'NATS is away'));
  await assert.rejects(passWith({ ...deps.stream, deleteDeadLetters: away }), { code: 'unavailable' });
  const [begun] = await world.query<{ n: number }>(
    "SELECT toUInt32(count()) AS n FROM system.mutations WHERE table LIKE 'dead_letter%'",
  );
  assert.equal(begun?.n, 0, 'the table goes last: it is where the next pass looks');
  assert.equal(records.get('brief')?.value.passedAtMs, 0);

  await passWith(deps.stream);
  const kept = ['brief 15', 'brief 20', 'patient 5'];
  await eventually(async () => {
    assert.deepEqual(await letters('dead_letters'), [' 7', ...kept]);
    assert.deepEqual(await letters('dead_letter_changes'), kept);
  });
  assert.deepEqual(await parkedInStream(), [15, 20, 5, 7]);
  const told = await world.told();
  const grown = (name: string) => (told[name] ?? 0) - (before[name] ?? 0);
  assert.equal(grown('retention_runs_total{outcome="failed"}'), 1);
  assert.equal(grown('retention_runs_total{outcome="deleted"}'), 1);
  // A merge may have taken the older copy of what was parked twice.
  assert.ok([1, 2].includes(grown('retention_expired_rows_total{table="dead_letters"}')));
  await records.close();
});

interface Letter {
  readonly workspaceId: string;
  readonly seq: number;
  readonly parkedAtMs: number;
  readonly reason: string;
}

/** A letter as parking leaves it, in the stream and in the table. */
async function plantLetter({ workspaceId, seq, parkedAtMs, reason }: Letter): Promise<void> {
  const texts = { eventId: 'e', eventType: 't', dialect: 'native', source: '', userId: '', sessionId: '' };
  const rest = { priority: 1, labels: [], payload: '{}', metadata: '{}', traceId: '' };
  const body = encodeEvent({ ...texts, ...rest, workspaceId, occurredAtMs: 0, receivedAtMs: 0 }, '');
  const message = create(DeadLetterSchema, {
    ...{ reason, body: Buffer.from(body), shard: 1_000, seq: BigInt(seq), parkedAtMs: BigInt(parkedAtMs) },
  });
  const payload = toBinary(DeadLetterSchema, message);
  await world.connection.jetstream().publish('dead-letters.1000', payload);
  await world.stores.client.insert({
    table: 'dead_letters',
    format: 'JSONEachRow',
    values: [
      {
        ...{
          shard: 1_000,
          seq,
          index: 0,
          reason,
          detail: '',
          body: '',
          parked_at: (parkedAtMs / 1_000).toFixed(3),
        },
        workspace_id: reason === 'malformed_envelope' ? '' : workspaceId,
      },
    ],
  });
}

/** A decision of today about a letter. */
async function plantChange(workspace_id: string, seq: number): Promise<void> {
  const change = { state: 'discarded', version: 1, event_type: '', event: '', changed_at: NOW_MS / 1_000 };
  const values = [{ workspace_id, shard: 1_000, seq, index: 0, ...change }];
  await world.stores.client.insert({ table: 'dead_letter_changes', format: 'JSONEachRow', values });
}

/** Whose they are, and where they stood. */
async function letters(table: 'dead_letters' | 'dead_letter_changes'): Promise<string[]> {
  const rows = await world.query<{ letter: string }>(
    `SELECT concat(workspace_id, ' ', toString(seq)) AS letter FROM ${table} FINAL ORDER BY workspace_id, seq`,
  );
  return rows.map(({ letter }) => letter);
}

/** The sequences of the letters that the stream has, in the order in which they were parked. */
async function parkedInStream(): Promise<number[]> {
  const { streams } = await world.connection.jetstreamManager();
  const { state } = await streams.info('DEAD_LETTERS');
  const seqs: number[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await streams.getMessage('DEAD_LETTERS', { seq }).catch(() => undefined);
    if (message) seqs.push(Number(fromBinary(DeadLetterSchema, message.data).seq));
  }
  return seqs;
}

test('attempts go with the events that they delivered; nobody else’s', async () => {
  const parse = (stored: unknown): RetentionRecord => retentionRecord.parse(stored);
  const common = { connection: world.connection, replicas: 1, clock: systemClock, log };
  const records = await openRecords({ ...common, bucket: 'retention', parse });
  const retention = createRetention(records);
  const { deps } = await world.openReplica();
  const cutMs = ATTEMPTED_AT_MS;
  const clock = createFixedClock(cutMs + 30 * DAY_MS);
  const { insert } = createAttemptInserter({ client: world.stores.client, database: 'millrace' });
  await insert(
    ['attempts-short', 'attempts-ever'].flatMap((workspaceId) => [
      attemptRow({ workspaceId, deliveryId: `${workspaceId}-kept`, receivedAtMs: cutMs }),
      attemptRow({ workspaceId, deliveryId: `${workspaceId}-expired`, receivedAtMs: cutMs - 1 }),
    ]),
  );
  await retention.set('attempts-short', 30);
  const pass = () =>
    deleteExpired(
      {
        ...{ records, client: world.stores.client, stream: deps.stream, newId: uuidv7, clock, log },
        ...{ metrics: world.metrics, positions: () => keepPositions(deps) },
      },
      AbortSignal.timeout(60_000),
    );
  await eventually(async () => {
    await pass();
    const rows = await world.query<{ id: string }>(
      'SELECT delivery_id AS id FROM webhook_attempts ORDER BY id',
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['attempts-ever-expired', 'attempts-ever-kept', 'attempts-short-kept'],
    );
  });
  assert.equal((await world.told())['retention_expired_rows_total{table="webhook_attempts"}'], 1);
  await records.close();
});
