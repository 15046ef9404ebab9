import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type AttemptRow, createAttemptInserter, createClickHouse } from '@millrace/stores';
import { type AnalyticsWorld, createAnalyticsWorld, log } from '../../test/analytics-world.ts';
import { ATTEMPTED_AT_MS, attemptRow } from '../../test/attempts.ts';
import { startEditedClickHouse } from '../../test/edited-clickhouse.ts';
import { migrate } from '../migrations/migrate.ts';

let world: AnalyticsWorld;
before(async () => {
  world = await createAnalyticsWorld();
  await world.startReplica().app.prepared;
  // Copies would collapse otherwise, whatever the token does.
  await world.client.command({ query: 'SYSTEM STOP MERGES webhook_attempts' });
});
after(() => world.close());
beforeEach(() => world.client.command({ query: 'TRUNCATE TABLE webhook_attempts' }));

const insert = (rows: readonly AttemptRow[], signal?: AbortSignal) =>
  createAttemptInserter({ client: world.client, database: 'millrace' }).insert(rows, signal);

async function partSizes(): Promise<number[]> {
  const parts = await world.rows(
    "SELECT toUInt32(rows) AS size FROM system.parts WHERE table = 'webhook_attempts' AND active ORDER BY size",
  );
  return parts.map(({ size }) => Number(size));
}

test('every field is stored as it was given, bytes that are no text among them', async () => {
  const bytes = Buffer.from(Array.from({ length: 16 * 1024 }, (_, i) => i % 256));
  const odd = attemptRow({
    ...{ attempt: 65_535, startedAtMs: ATTEMPTED_AT_MS + 5, tookMs: 10_000.4, httpStatus: 503 },
    ...{ error: 'HTTP 503: ü', response: bytes, cause: 'replay', deliveryStatus: 'pending' },
    ...{ nextAttemptAtMs: ATTEMPTED_AT_MS + 9, payload: Buffer.from([0, 0xff, 0x0a, 0x22]) },
    ...{ shard: 4_003, seq: 2 ** 53 - 1, index: 2 ** 32 - 1 },
  });
  await insert([odd, attemptRow({ deliveryId: 'dlv_2', response: Buffer.alloc(0) })]);
  const [first, second] = await world.rows(
    `SELECT * EXCEPT (response, payload, created_at, received_at, started_at, next_attempt_at),
      hex(payload) AS payload, hex(response) = {response:String} AS same,
      arrayMap(at -> toUnixTimestamp64Milli(at), [created_at, received_at, started_at]) AS times,
      toUnixTimestamp64Milli(next_attempt_at) AS next
    FROM webhook_attempts ORDER BY delivery_id`,
    { response: bytes.toString('hex').toUpperCase() },
  );
  assert.deepEqual(first, {
    ...{ workspace_id: 'w1', endpoint_id: 'endpoint', delivery_id: 'dlv_1', event_id: 'event' },
    ...{ event_type: 'kind', user_id: 'user', attempt: 65_535, took_ms: 10_000, http_status: 503 },
    ...{ error: 'HTTP 503: ü', address: '198.51.100.7:443', url: 'https://example.org/hook' },
    ...{ cause: 'replay', delivery_status: 'pending', payload: '00FF0A22', same: 1 },
    times: [ATTEMPTED_AT_MS, ATTEMPTED_AT_MS - 1_000, ATTEMPTED_AT_MS + 5].map(String),
    next: String(ATTEMPTED_AT_MS + 9),
    ...{ _shard: 4_003, _seq: String(2 ** 53 - 1), _index: 2 ** 32 - 1 },
  });
  assert.deepEqual([second?.['next'], second?.['same'], second?.['payload']], [null, 0, '']);
});

test('more than an insert takes is stored in several; a repeated call stores nothing', async () => {
  const rows = Array.from({ length: 10_001 }, (_, i) => attemptRow({ deliveryId: `dlv_${i}`, seq: i }));
  await insert(rows);
  assert.deepEqual(await partSizes(), [1, 10_000]);
  await insert(rows);
  assert.deepEqual(await partSizes(), [1, 10_000]);
  await insert(rows.toReversed().slice(0, 2));
  assert.deepEqual(await partSizes(), [1, 2, 10_000]);
});

test('large answers make smaller inserts', async () => {
  const response = Buffer.alloc(16 * 1024, 'x');
  await insert(Array.from({ length: 2_100 }, (_, i) => attemptRow({ deliveryId: `dlv_${i}`, response })));
  const sizes = await partSizes();
  assert.equal(sizes.length, 2);
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    2_100,
  );
});

test('nothing is inserted for no rows, or for a caller that has given up', async () => {
  await insert([]);
  await assert.rejects(insert([attemptRow()], AbortSignal.abort()), { code: 'unavailable' });
  assert.deepEqual(await partSizes(), []);
});

test('a user that may only insert there is enough', async () => {
  const user = `<webhook>
    <password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    <grants><query>GRANT INSERT ON millrace.webhook_attempts</query></grants>
  </webhook></users>`;
  const clickhouse = await startEditedClickHouse((xml) => xml.replace('</users>', user));
  const { url, passwords } = clickhouse;
  const owner = createClickHouse({
    ...{ url, username: 'millrace', password: passwords.application, database: 'default' },
  });
  const client = createClickHouse({ url, username: 'webhook', password: 'secret', database: 'millrace' });
  try {
    await migrate({ client: owner, target: { database: 'millrace', cluster: '' }, log });
    await createAttemptInserter({ client, database: 'millrace' }).insert([attemptRow()]);
    const query = 'SELECT delivery_id FROM millrace.webhook_attempts';
    const answer = await owner.query({ query, format: 'JSONEachRow' });
    assert.deepEqual(await answer.json(), [{ delivery_id: 'dlv_1' }]);
  } finally {
    await client.close();
    await owner.close();
    await clickhouse.stop();
  }
});

test('throws unavailable while ClickHouse is away', async () => {
  await world.kill();
  await assert.rejects(insert([attemptRow()]), { code: 'unavailable' });
});
