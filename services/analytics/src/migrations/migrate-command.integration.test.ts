import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ClickHouse, loadSecrets, startClickHouse } from '@millrace/embedded';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';
import { eventually } from '@millrace/testkit';

const script = new URL('../../../../scripts/migrate.ts', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'millrace-migrate-command-'));
const secrets = loadSecrets(join(directory, 'data'));
const passwords = { application: secrets.clickHousePassword, inspector: secrets.inspectorPassword };
let clickhouse: ClickHouse;
let client: ClickHouseClient;

before(async () => {
  clickhouse = await startClickHouse({ dataDir: join(directory, 'clickhouse'), passwords });
  client = createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
});
after(async () => {
  await client?.close();
  await clickhouse?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Begins `scripts/migrate` with the settings of this ClickHouse, or others. */
function begin(args: readonly string[], settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [script, ...args], {
    env: {
      PATH: process.env['PATH'],
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_PASSWORD: passwords.application,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said.out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said.err += chunk;
  });
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, ...said }));
  return { child, said, ended };
}

const run = (args: readonly string[], settings?: Record<string, string>) => begin(args, settings).ended;

async function command(query: string): Promise<void> {
  await client.command({ query, clickhouse_settings: { wait_end_of_query: 1 } });
}

test('--help tells of every command', async () => {
  const { code, out } = await run(['--help']);
  assert.equal(code, 0);
  for (const word of ['verify', 'materialize', 'status', '--data', 'CLICKHOUSE_URL'])
    assert.match(out, new RegExp(word));
});

test('says which setting is wrong: store away, wrong password, wrong data directory, a URL that is none', async () => {
  const nobody = await run(['status'], { CLICKHOUSE_URL: 'http://127.0.0.1:1' });
  assert.equal(nobody.code, 1);
  assert.equal(
    nobody.err,
    'no ClickHouse answers at http://127.0.0.1:1 (ECONNREFUSED): is CLICKHOUSE_URL right?\n',
  );
  const stranger = await run([], { CLICKHOUSE_PASSWORD: 'something-else' });
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /refuses the user millrace: CLICKHOUSE_USER or CLICKHOUSE_PASSWORD is wrong/);
  const elsewhere = await run(['verify', '--data', join(directory, 'nowhere')]);
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.err, /^--data: there is no directory .*nowhere\n$/);
  const notRunning = await run(['verify', '--data', directory]);
  assert.match(notRunning.err, /^--data: no stack runs on .*: start it with scripts\/up --data /);
  const odd = await run([], { CLICKHOUSE_URL: 'nonsense' });
  assert.match(odd.err, /CLICKHOUSE_URL: Invalid URL/);
});

test('before the schema is there, verify and materialize say what to do, and status lists what is missing', async () => {
  for (const args of [['verify'], ['materialize', '--all']]) {
    const { code, err } = await run(args);
    assert.equal(code, 1);
    assert.equal(
      err,
      'millrace is not up to date: run scripts/migrate first, or start the services of this release\n',
    );
  }
  assert.match((await run(['status'])).out, /0001_events: missing\n/);
});

test('brings a ClickHouse up to date, says what it did, and does nothing the second time', async () => {
  const first = await run([]);
  assert.equal(first.code, 0);
  assert.match(first.out, /^0001_events\.sql: applied\n0002_views\.sql: applied\n/);
  assert.match(first.out, /millrace at .* is up to date\n$/);
  assert.equal((await run([])).out, `millrace at ${clickhouse.url} is up to date\n`);
});

test('--data means the stack that runs on a data directory, with the rights of its services, whatever the settings say', async () => {
  const connection = {
    url: 'http://127.0.0.1:1',
    adminUrl: 'http://127.0.0.1:1',
    mode: 'standalone',
    workspaceId: secrets.workspaceId,
    credentials: { apiKey: '', bearerToken: '', emailApiKey: '', externalEventToken: '', ownerEmail: '' },
    clickhouse: { url: clickhouse.url, database: 'millrace', ...clickhouse.inspector },
    nats: { url: '', username: '', password: '' },
    redis: { url: null },
    processes: [],
  };
  writeFileSync(join(directory, 'data', 'connection.json'), JSON.stringify(connection));
  await command('DROP DATABASE millrace SYNC');
  const settings = { CLICKHOUSE_URL: 'http://127.0.0.1:1', CLICKHOUSE_USER: 'nobody' };
  const { code, out } = await run(['--data', join(directory, 'data')], settings);
  assert.equal(code, 0);
  assert.match(out, /^0001_events\.sql: applied\n/);
});

test('status tells which parts have a projection and what is being done', async () => {
  await command('ALTER TABLE millrace.events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1');
  for (let month = 1; month <= 12; month++) {
    await command(`INSERT INTO millrace.events (workspace_id, event_id, event_type, _shard, _seq, _month, received_at_ms)
      SELECT 'w', toString(number), 't', 1000, number, ${month}, 0 FROM numbers(25)`);
  }
  await command(
    'ALTER TABLE millrace.events ADD PROJECTION p_new (SELECT dialect, count() GROUP BY dialect)',
  );
  const { out } = await run(['status']);
  assert.match(out, /0001_events: applied, \d{4}-/);
  assert.match(out, /rollups of millrace\.events: 300 rows in 12 parts\n/);
  assert.match(out, / {2}projection p_pos: 300 rows in 12 parts\n/);
  assert.match(
    out,
    / {2}projection p_new: 0 rows in 0 parts, not 300 rows in 12: scripts\/migrate materialize p_new\n/,
  );
  assert.match(out, / {2}index i_dedup: \d+ bytes\n/);
});

test('materialize: killed, then interrupted, the third run waits for what the first began', async () => {
  // Keeps the mutations behind it busy for some seconds.
  await command(`ALTER TABLE millrace.events UPDATE trace_id = if(sleepEachRow(0.1) = 0, 'x', 'y') WHERE 1
    SETTINGS mutations_sync = 0, allow_nondeterministic_mutations = 1`);
  const killed = begin(['materialize', 'p_new']);
  await eventually(() => assert.match(killed.said.err, /p_new: \d+ of 12 parts/), { timeoutMs: 60_000 });
  killed.child.kill('SIGKILL');
  await killed.ended;
  const interrupted = begin(['materialize', 'p_new']);
  await eventually(() => assert.match(interrupted.said.err, /p_new \(begun before\): \d+ of/), {
    timeoutMs: 60_000,
  });
  interrupted.child.kill('SIGINT');
  const { code, err } = await interrupted.ended;
  assert.equal(code, 130);
  assert.match(err, /interrupted; ClickHouse goes on with what it has begun\n$/);
  const third = await run(['materialize', 'p_new']);
  assert.equal(third.code, 0);
  assert.match(third.out, /^p_new: (materialized, \d+ parts|every part has it)\n$/);
  const mutations = await client.query({
    query: "SELECT count() AS count FROM system.mutations WHERE command LIKE '%p_new%'",
    format: 'JSONEachRow',
  });
  assert.deepEqual(await mutations.json(), [{ count: '1' }]);
  assert.equal((await run(['materialize', 'p_new'])).out, 'p_new: every part has it\n');
});

test('materialize: an unknown name lists what there is; a name or --all is needed, not both', async () => {
  const unknown = await run(['materialize', 'p_none']);
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.err,
    /no projection or index p_none; its projections are p_bytype, .*; its indexes i_dedup, /,
  );
  for (const args of [['materialize'], ['materialize', 'p_pos', '--all']]) {
    const { code, err } = await run(args);
    assert.equal(code, 1);
    assert.equal(err, 'materialize: name a projection or an index, or say --all\n');
  }
  const all = await run(['materialize', '--all']);
  assert.equal(all.code, 0);
  assert.match(all.out, /p_pos: every part has it\n.*i_dedup: materialized, \d+ parts\n/s);
});

test('verify: exit 0 when all projections equal their rows, 1 naming the one that does not', async () => {
  const equal = await run(['verify']);
  assert.equal(equal.code, 0);
  assert.match(equal.out, /p_new equals its rows: 300 rows in 12 parts\n/);
  await command("DELETE FROM millrace.events WHERE event_id = '7'");
  const differing = await run(['verify']);
  assert.equal(differing.code, 1);
  assert.match(
    differing.out,
    /p_bytype DIFFERS from its rows in 12 of 12 parts\n(?: {2}part \S+: .*the rows say 24 entries, the projection 25 entries\n){10} {2}and 2 more parts\n/,
  );
  assert.match(differing.out, /p_pos equals its rows/);
});
