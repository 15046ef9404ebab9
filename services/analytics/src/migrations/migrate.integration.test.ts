import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type ClickHouse, startClickHouse } from '@millrace/embedded';
import { createLogger } from '@millrace/runtime';
import { type ClickHouseClient, createClickHouse } from '@millrace/stores';
import { eventually, freeze } from '@millrace/testkit';
import { prepareStore } from '../prepare-store.ts';
import { type Migrated, migrate } from './migrate.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const target = { database: 'millrace', cluster: '' };
const root = mkdtempSync(join(tmpdir(), 'millrace-migrate-'));
const alone = new URL('../../test/migrate-alone.ts', import.meta.url).pathname;
let clickhouse: ClickHouse;
let client: ClickHouseClient;
let directory: URL;

before(async () => {
  const passwords = { application: 'application', inspector: 'inspector' };
  clickhouse = await startClickHouse({ dataDir: join(root, 'clickhouse'), passwords });
  client = open();
});
after(async () => {
  await client?.close();
  await clickhouse?.stop();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(async () => {
  await client.command({ query: 'DROP DATABASE IF EXISTS millrace SYNC' });
  directory = pathToFileURL(`${mkdtempSync(join(root, 'sql-'))}/`);
});

function open(): ClickHouseClient {
  return createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
}

async function rows(query: string): Promise<Record<string, unknown>[]> {
  return (await client.query({ query, format: 'JSONEachRow' })).json();
}

function write(file: string, sql: string): string {
  writeFileSync(new URL(file, directory), sql);
  return createHash('sha256').update(sql).digest('hex');
}

/** A migration that leaves a trace; its last statement takes time and leaves its trace at the end of it. */
function traced(number: number, seconds: number): string {
  return `CREATE TABLE IF NOT EXISTS {{database}}.trace (at DateTime64(6), step String) ENGINE = MergeTree ORDER BY at;
INSERT INTO {{database}}.trace SELECT nowInBlock64(6), '${number} begins';
INSERT INTO {{database}}.trace SELECT nowInBlock64(6), '${number} ends'
FROM (SELECT count() FROM numbers(${seconds * 10 + 1}) WHERE NOT ignore(sleepEachRow(0.1)) SETTINGS max_block_size = 1);`;
}

async function trace(): Promise<unknown[]> {
  return (await rows('SELECT step FROM millrace.trace ORDER BY at')).map(({ step }) => step);
}
const untilTrace = (step: string) => eventually(async () => assert.ok((await trace()).includes(step)));
const inOrder = (count: number) =>
  Array.from({ length: count }, (_, index) => [`${index + 1} begins`, `${index + 1} ends`]).flat();

test('a migration that was edited after it was applied stops the next run and the next start, and changes nothing', async () => {
  const was = write(
    '0001_first.sql',
    'CREATE TABLE IF NOT EXISTS {{database}}.a (n UInt8) ENGINE = {{engine}} ORDER BY n;',
  );
  await migrate({ client, target, log, directory });
  const is = write(
    '0001_first.sql',
    'CREATE TABLE IF NOT EXISTS {{database}}.a (n UInt16) ENGINE = {{engine}} ORDER BY n;',
  );
  write(
    '0002_second.sql',
    'CREATE TABLE IF NOT EXISTS {{database}}.b (n UInt8) ENGINE = {{engine}} ORDER BY n;',
  );
  const says = (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.code, 'failed_precondition');
    assert.match(error.message, /0001_first\.sql/);
    assert.match(error.message, new RegExp(`${was}.*${is}`));
    assert.match(error.message, /Put each file back .* new migration/);
    return true;
  };
  await assert.rejects(migrate({ client, target, log, directory }), says);
  assert.deepEqual(
    await rows("SELECT name FROM system.tables WHERE database = 'millrace' AND name = 'b'"),
    [],
  );
  const signal = new AbortController().signal;
  const start = { client, database: 'millrace', cluster: '', signal, log, directory };
  await assert.rejects(prepareStore(start), says);
});

test('the checksum is that of the text with its placeholders, so another database has the same', async () => {
  const checksum = write(
    '0001_first.sql',
    'CREATE TABLE IF NOT EXISTS {{database}}.a (n UInt8) ENGINE = {{engine}} ORDER BY n;',
  );
  await migrate({ client, target, log, directory });
  assert.deepEqual(await rows('SELECT number, name, checksum FROM millrace.migrations'), [
    { number: 1, name: 'first', checksum },
  ]);
});

test('a ledger from before there were checksums is adopted once, its times kept; then edits are noticed', async () => {
  await client.command({ query: 'CREATE DATABASE millrace' });
  await client.command({
    query: `CREATE TABLE millrace.migrations (number UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
      ENGINE = ReplacingMergeTree ORDER BY number`,
  });
  // Two replicas that started at once recorded the same twice.
  for (const time of ['2026-01-02 03:04:05', '2026-01-02 03:04:06']) {
    await client.command({ query: `INSERT INTO millrace.migrations VALUES (1, 'first', '${time}')` });
  }
  const checksum = write('0001_first.sql', traced(1, 0));
  write('0002_second.sql', traced(2, 0));
  assert.deepEqual(await migrate({ client, target, log, directory }), {
    applied: ['0002_second.sql'],
    adopted: ['0001_first.sql'],
  });
  assert.deepEqual(await trace(), ['2 begins', '2 ends']);
  assert.deepEqual(
    await rows('SELECT checksum, applied_at FROM millrace.migrations FINAL WHERE number = 1'),
    [{ checksum, applied_at: '2026-01-02 03:04:05.000' }],
  );
  assert.deepEqual(await migrate({ client, target, log, directory }), { applied: [], adopted: [] });
  write('0001_first.sql', traced(1, 1));
  await assert.rejects(migrate({ client, target, log, directory }), { code: 'failed_precondition' });
});

test('of forty runners that begin at once on nothing, one applies each migration, and none comes between', async () => {
  for (const number of [1, 2, 3]) write(`000${number}_step.sql`, traced(number, 0.2));
  const clients = Array.from({ length: 40 }, open);
  const done = await Promise.all(clients.map((one) => migrate({ client: one, target, log, directory })));
  await Promise.all(clients.map((one) => one.close()));
  assert.deepEqual(await trace(), inOrder(3));
  assert.deepEqual(
    done.flatMap(({ applied }) => applied),
    ['0001_step.sql', '0002_step.sql', '0003_step.sql'],
  );
  assert.deepEqual(
    await rows('SELECT number, count() AS rows FROM millrace.migrations GROUP BY number ORDER BY number'),
    [
      { number: 1, rows: '1' },
      { number: 2, rows: '1' },
      { number: 3, rows: '1' },
    ],
  );
});

test('a grant whose answer is lost, or that never arrived, is asked for again', async () => {
  write('0001_step.sql', traced(1, 0));
  for (const isLost of ['before', 'after']) {
    await client.command({ query: 'DROP DATABASE IF EXISTS millrace SYNC' });
    let failures = 0;
    const shaky = new Proxy(client, {
      get(of, name) {
        if (name !== 'command') return Reflect.get(of, name, of);
        return async (statement: Parameters<ClickHouseClient['command']>[0]) => {
          const isGrant =
            statement.query.includes('migration_lease') && statement.query_params?.['beat'] === 0;
          const fails = isGrant && failures++ < 2;
          if (fails && isLost === 'before') throw new Error('connection reset');
          const done = await of.command(statement);
          if (fails) throw new Error('connection reset');
          return done;
        };
      },
    });
    assert.deepEqual((await migrate({ client: shaky, target, log, directory })).applied, ['0001_step.sql']);
    assert.ok(failures > 0);
    assert.deepEqual(await rows('SELECT count() AS terms FROM millrace.migration_lease WHERE beat = 0'), [
      { terms: '1' },
    ]);
  }
});

test('a runner that is killed in the middle is waited out, its statement too, and others finish its work', async () => {
  write('0001_step.sql', traced(1, 0));
  write('0002_step.sql', traced(2, 9));
  write('0003_step.sql', traced(3, 0.1));
  const killed = runAlone(6_000);
  await untilTrace('2 begins');
  const others = [runAlone(6_000), runAlone(6_000), runAlone(6_000)];
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  const done = await Promise.all(others.map(({ result }) => result));
  assert.deepEqual(await trace(), ['1 begins', '1 ends', '2 begins', '2 ends', ...inOrder(3).slice(2)]);
  assert.deepEqual(done.flatMap(({ applied }) => applied).sort(), ['0002_step.sql', '0003_step.sql']);
});

test('a runner that was paused for longer than its lease stops instead of going on beside its successor', async () => {
  write('0001_step.sql', traced(1, 1));
  write('0002_step.sql', traced(2, 0.1));
  const paused = runAlone(3_000);
  const failed = assert.rejects(paused.result, /lease to change the schema could not be prolonged/);
  // Not before its last statement has reached the server, which then runs it to the end.
  await eventually(async () => {
    const running = await rows(
      "SELECT 1 FROM system.processes WHERE query LIKE '%1 ends%sleepEachRow%' AND query NOT LIKE '%processes%'",
    );
    assert.equal(running.length, 1);
  });
  await freeze(paused.child.pid ?? assert.fail('it has no pid'));
  const successor = await runAlone(3_000).result;
  paused.child.kill('SIGCONT');
  await failed;
  assert.deepEqual(successor.applied, ['0001_step.sql', '0002_step.sql']);
  assert.deepEqual(await trace(), ['1 begins', '1 ends', ...inOrder(2)]);
});

function runAlone(ttlMs: number) {
  const child = spawn(process.execPath, [alone, clickhouse.url, directory.href, String(ttlMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result = Promise.all([text(child.stdout), text(child.stderr)]).then(([output, problem]): Migrated => {
    if (output === '') throw new Error(problem);
    return JSON.parse(output);
  });
  // Of the one that is killed nobody asks.
  result.catch(() => undefined);
  return { child, result };
}
