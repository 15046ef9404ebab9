import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouse, startClickHouse } from '@millrace/embedded';
import { createLogger } from '@millrace/runtime';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';
import { createRandom } from '../../test/random.ts';
import { assertRollupsEqual, insertEvents } from '../../test/rollup-rows.ts';
import { migrate } from './migrate.ts';
import { verifyRollups } from './rollups/verify-rollups.ts';

const ROUNDS = 25;
const BATCHES_A_ROUND = 6;
const ROWS_A_BATCH = 400;

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const passwords = { application: 'application', inspector: 'inspector' };
const directory = mkdtempSync(join(tmpdir(), 'millrace-crash-'));
let clickhouse: ClickHouse;
let client: ClickHouseClient;

before(async () => {
  clickhouse = await startClickHouse({ dataDir: directory, passwords });
  client = createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
  await migrate({ client, target: { database: 'millrace', cluster: '' }, log });
});
after(async () => {
  await client?.close();
  await clickhouse?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A batch is for one partition, as the writer's are. */
const insertBatch = (batch: number, token = `batch-${batch}`) =>
  insertEvents(client, {
    from: batch * ROWS_A_BATCH,
    rows: ROWS_A_BATCH,
    month: 202601 + (batch % 2),
    token,
  });

test(`kill -9 of ClickHouse in mid-insert, ${ROUNDS} rounds: rollups equal the rows; repeating by token completes both`, async (t) => {
  const random = createRandom(9);
  let sent = 0;
  let answered = 0;
  let storedUnanswered = 0;
  let unanswered: number[] = [];
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const batches = [...unanswered, ...Array.from({ length: BATCHES_A_ROUND }, () => sent++)];
    const answers = batches.map((batch) => insertBatch(batch));
    const outcomes = Promise.allSettled(answers);
    // The first one warms the server up; the kill meets those behind it.
    await Promise.any(answers);
    await delay(random.below(25));
    await clickhouse.kill();
    const rejected = (await outcomes).map(({ status }) => status === 'rejected');
    unanswered = batches.filter((_, index) => rejected[index]);
    for (const batch of unanswered) killed.add(batch);
    answered = sent - unanswered.length;
    clickhouse = await startClickHouse({ dataDir: directory, passwords, port: clickhouse.port });
    if (round % 4 === 3) storedUnanswered += (await storedRows()) / ROWS_A_BATCH - answered;
  }
  t.diagnostic(`${sent} inserts, after the kills looked at ${storedUnanswered} were stored and not answered`);
  for (const batch of unanswered) await insertBatch(batch);
  // A kill may leave a token without its rows; whoever repeats it has to look, as the writer does.
  const lost = await missingBatches(sent);
  t.diagnostic(`${lost.length} were lost and their tokens kept`);
  for (const batch of lost) {
    assert.ok(killed.has(batch), `batch ${batch} was answered, and is gone`);
    await insertBatch(batch, `batch-${batch}:1`);
  }
  assert.equal(await storedRows(), sent * ROWS_A_BATCH);
});

/** Rows by the table, with which every projection must agree. */
async function storedRows(): Promise<number> {
  const verdicts = await verifyRollups({ client, database: 'millrace', table: 'events' });
  const rows = verdicts[0]?.compared.rows ?? 0;
  assertRollupsEqual(verdicts, rows);
  return rows;
}

async function missingBatches(sent: number): Promise<number[]> {
  const answer = await client.query({
    query: `SELECT DISTINCT toUInt32(intDiv(_seq, ${ROWS_A_BATCH})) AS batch FROM millrace.events`,
    format: 'JSONEachRow',
  });
  const stored = new Set((await answer.json<{ batch: number }>()).map(({ batch }) => batch));
  return Array.from({ length: sent }, (_, batch) => batch).filter((batch) => !stored.has(batch));
}
