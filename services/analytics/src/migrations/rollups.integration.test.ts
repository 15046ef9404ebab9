import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type ClickHouse, startClickHouse } from '@millrace/embedded';
import { createLogger } from '@millrace/runtime';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';
import { assertRollupsEqual, insertEvents } from '../../test/rollup-rows.ts';
import { migrate } from './migrate.ts';
import { materialize } from './rollups/materialize.ts';
import { listMutations, listParts, listRollups } from './rollups/rollups.ts';
import { verifyRollups } from './rollups/verify-rollups.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const passwords = { application: 'application', inspector: 'inspector' };
const directory = mkdtempSync(join(tmpdir(), 'millrace-rollups-'));
const target = { database: 'millrace', cluster: '' };
let clickhouse: ClickHouse;
let client: ClickHouseClient;

before(async () => {
  clickhouse = await startClickHouse({ dataDir: directory, passwords });
  client = createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
});
after(async () => {
  await client?.close();
  await clickhouse?.stop();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await command('DROP DATABASE IF EXISTS millrace SYNC');
  await migrate({ client, target, log });
});

const events = () => ({ client, database: 'millrace', table: 'events' });
const planted = () => ({ client, database: 'millrace', table: 'planted' });

async function command(query: string, settings: Record<string, string | number> = {}): Promise<void> {
  await client.command({ query, clickhouse_settings: { ...settings, wait_end_of_query: 1 } });
}

const insert = (from: number, rows: number, month = 202601) => insertEvents(client, { from, rows, month });

test('verify: every projection equals its rows, also after merges and a deletion, and on an empty table', async () => {
  assertRollupsEqual(await verifyRollups(events()), 0);
  for (const from of [0, 3_000, 6_000]) await insert(from, 3_000);
  await insert(9_000, 1_000, 202602);
  await command("ALTER TABLE millrace.events DELETE WHERE user_id = 'u5'", { mutations_sync: 2 });
  const left = 10_000 - Math.ceil((10_000 - 5) / 37);
  assertRollupsEqual(await verifyRollups(events()), left);
  await command('OPTIMIZE TABLE millrace.events FINAL');
  assertRollupsEqual(await verifyRollups(events()), left);
});

test('verify: names the projections in which DELETE FROM leaves rows behind, until the deletion is applied', async () => {
  await insert(0, 3_700);
  await command("DELETE FROM millrace.events WHERE user_id = 'u5'");
  const verdicts = await verifyRollups(events());
  assert.deepEqual(
    verdicts.filter(({ differences }) => differences.length > 0).map(({ projection }) => projection),
    ['p_bytype', 'p_userevents'],
  );
  const [example = ''] = verdicts[0]?.differences[0]?.examples ?? [];
  assert.match(example, /: the rows say nothing, the projection an entry$/);
  await command('ALTER TABLE millrace.events APPLY DELETED MASK', { mutations_sync: 2 });
  assertRollupsEqual(await verifyRollups(events()), 3_600);
});

/**
 * Makes ClickHouse itself let an aggregate diverge: a merge that drops copies of rows, told to leave the
 * projections as they are.
 */
async function plant(): Promise<void> {
  await command(`CREATE TABLE millrace.planted
    (
      k UInt32, v UInt32, month UInt32,
      PROJECTION p_sum (SELECT k % 10, sum(v), count() GROUP BY k % 10),
      PROJECTION p_all (SELECT k, v ORDER BY v, k)
    )
    ENGINE = ReplacingMergeTree PARTITION BY month ORDER BY k
    SETTINGS deduplicate_merge_projection_mode = 'ignore'`);
  await command('INSERT INTO millrace.planted SELECT number, 1, 1 FROM numbers(100)');
  await command('INSERT INTO millrace.planted SELECT number, 1, 2 FROM numbers(100)');
  await command('INSERT INTO millrace.planted SELECT 7, 1, 2');
}

test('verify: a projection that diverged is named with its part, a key and what either side says; others are not', async () => {
  await plant();
  assert.ok((await verifyRollups(planted())).every(({ differences }) => differences.length === 0));
  await command('OPTIMIZE TABLE millrace.planted FINAL');
  const parts = await listParts(planted());
  const part = parts.find(({ partition }) => partition === '2')?.name;
  assert.deepEqual(await verifyRollups(planted()), [
    {
      projection: 'p_all',
      compared: { parts: 2, rows: 200 },
      without: { parts: 0, rows: 0 },
      differences: [{ part, examples: ['(7,1): the rows say an entry, the projection 2 entries'] }],
    },
    {
      projection: 'p_sum',
      compared: { parts: 2, rows: 200 },
      without: { parts: 0, rows: 0 },
      differences: [{ part, examples: ['(7): the rows say (10,10), the projection (11,11)'] }],
    },
  ]);
  for (const name of ['p_all', 'p_sum']) await rebuild('planted', name);
  assert.ok((await verifyRollups(planted())).every(({ differences }) => differences.length === 0));
});

/** As the runbook says. */
async function rebuild(table: string, name: string): Promise<void> {
  await command(`ALTER TABLE millrace.${table} CLEAR PROJECTION ${name}`, { mutations_sync: 2 });
  await materialize({ client, database: 'millrace', table, cluster: '', log, name });
}

test('verify: a part that is merged between the two reads is compared again as what it became', async () => {
  await plant();
  let merges = 0;
  const meddled = new Proxy(client, {
    get(of, name) {
      if (name !== 'query') return Reflect.get(of, name, of);
      return async (question: Parameters<ClickHouseClient['query']>[0]) => {
        if (
          question.query.includes('mergeTreeProjection') &&
          question.query.includes('digest') &&
          merges++ === 0
        ) {
          await command('OPTIMIZE TABLE millrace.planted FINAL');
        }
        return of.query(question);
      };
    },
  });
  const [all, sum] = await verifyRollups({ ...planted(), client: meddled });
  assert.ok(merges > 1);
  for (const verdict of [all, sum]) {
    assert.deepEqual(verdict?.compared, { parts: 2, rows: 200 });
    assert.equal(verdict?.differences.length, 1);
  }
});

test('verify: beside inserts and merges nothing differs', async () => {
  let rows = 0;
  const ended = new AbortController();
  const inserting = (async () => {
    for (let from = 0; !ended.signal.aborted; from += 500) {
      await insert(from, 500);
      rows += 500;
      if (from % 2_500 === 0) await command('OPTIMIZE TABLE millrace.events FINAL');
    }
  })();
  try {
    for (let round = 0; round < 2; round++) {
      for (const { differences } of await verifyRollups(events())) assert.deepEqual(differences, []);
    }
  } finally {
    ended.abort();
    await inserting;
  }
  assertRollupsEqual(await verifyRollups(events()), rows);
});

test('verify: a projection that is damaged on disk is named', async () => {
  await insert(0, 5_000);
  const files = globSync('store/**/p_dim.proj/*.bin', { cwd: directory });
  assert.ok(files.length > 0);
  for (const file of files) {
    const path = join(directory, file);
    const bytes = readFileSync(path);
    // Behind the block's checksum and sizes.
    bytes[26] = 0xff ^ (bytes[26] ?? 0);
    writeFileSync(path, bytes);
  }
  const verdicts = await verifyRollups(events());
  const differing = verdicts.filter(({ differences }) => differences.length > 0);
  assert.deepEqual(
    differing.map(({ projection }) => projection),
    ['p_dim'],
  );
  assert.match(differing[0]?.differences[0]?.examples[0] ?? '', /^can not be read: .*[Cc]hecksum/);
  await rebuild('events', 'p_dim');
  assertRollupsEqual(await verifyRollups(events()), 5_000);
});

test('materialize: an unknown name lists what there is', async () => {
  await assert.rejects(materialize({ ...events(), cluster: '', log, name: 'p_nothing' }), {
    code: 'invalid_argument',
    message:
      'millrace.events has no projection or index p_nothing; its projections are p_bytype, p_dim, p_pos, p_type, p_user, p_userevents; its indexes i_dedup, i_event, i_occurred, i_properties, i_received, i_seq',
  });
});

test('materialize: a projection of a full table reaches every part, and two who begin at once begin it once', async () => {
  for (const from of [0, 500, 1_000]) await insert(from, 500);
  await command(
    'ALTER TABLE millrace.events ADD PROJECTION p_new (SELECT dialect, count() GROUP BY dialect)',
  );
  await insert(1_500, 500);
  const lacking = (await verifyRollups(events())).find(({ projection }) => projection === 'p_new');
  assert.equal(lacking?.without.rows, 1_500);
  assert.deepEqual(lacking?.differences, []);
  const options = { ...events(), cluster: '', log, name: 'p_new' };
  await Promise.all([materialize(options), materialize(options), materialize(options)]);
  assert.equal((await listMutations(events())).filter(({ name }) => name === 'p_new').length, 1);
  const verdict = (await verifyRollups(events())).find(({ projection }) => projection === 'p_new');
  assert.deepEqual([verdict?.compared.rows, verdict?.without.parts, verdict?.differences], [2_000, 0, []]);
  assert.deepEqual(await materialize(options), { kind: 'complete', name: 'p_new' });
});

test('materialize: an index, and again', async () => {
  await insert(0, 500);
  await command('ALTER TABLE millrace.events ADD INDEX i_new user_id TYPE bloom_filter GRANULARITY 1');
  const size = async () =>
    (await listRollups(events())).flatMap((one) =>
      one.kind === 'index' && one.name === 'i_new' ? [one.bytes] : [],
    );
  assert.deepEqual(await size(), [0]);
  const options = { ...events(), cluster: '', log, name: 'i_new' };
  assert.equal((await materialize(options)).kind, 'materialized');
  assert.ok(((await size())[0] ?? 0) > 0);
  assert.equal((await materialize(options)).kind, 'materialized');
});
