import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ClickHouse, startClickHouse } from './clickhouse-server.ts';
import { pickFreePort } from './free-port.ts';
import { supervise } from './supervisor.ts';

const passwords = { application: 'quotes "and" <brackets>', inspector: 'inspector-password' };
const root = mkdtempSync(join(tmpdir(), 'millrace-clickhouse-'));
const dataDir = join(root, 'server');
let server: ClickHouse;

before(async () => {
  server = await startClickHouse({ dataDir, passwords });
  for (const database of ['millrace', 'analytics']) await application(`CREATE DATABASE ${database}`);
  await application('CREATE TABLE millrace.numbers (n UInt64) ENGINE = MergeTree ORDER BY n');
});

after(async () => {
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

test('the application owns its databases and reads no files, URLs or other servers', async () => {
  await application(
    'CREATE MATERIALIZED VIEW analytics.sums ENGINE = SummingMergeTree ORDER BY n AS SELECT n FROM millrace.numbers',
  );
  await application('INSERT INTO millrace.numbers VALUES (18446744073709551615)');
  assert.equal(
    await application('SELECT n FROM analytics.sums FORMAT JSONEachRow'),
    '{"n":"18446744073709551615"}',
  );
  await assert.rejects(application('CREATE DATABASE elsewhere'), /ACCESS_DENIED/);
  await assert.rejects(application("SELECT * FROM file('/etc/passwd', 'LineAsString')"), /ACCESS_DENIED/);
  await assert.rejects(
    application("SELECT * FROM url('http://127.0.0.1/', 'LineAsString')"),
    /ACCESS_DENIED/,
  );
  await assert.rejects(application("SELECT * FROM remote('127.0.0.1', system.one)"), /ACCESS_DENIED/);
  await assert.rejects(application('CREATE TABLE millrace.f (n UInt8) ENGINE = File(TSV)'), /ACCESS_DENIED/);
  await application("KILL QUERY WHERE query_id = 'none'");
});

test('a protobuf schema given as text is accepted with an insert', async () => {
  const schema = encodeURIComponent('syntax = "proto3"; message Row { uint64 n = 1; }');
  const settings = `format_schema_source=string&format_schema=${schema}&format_schema_message_name=Row`;
  await application('CREATE TABLE millrace.rows (n UInt64) ENGINE = MergeTree ORDER BY n');
  const insert = encodeURIComponent('INSERT INTO millrace.rows FORMAT Protobuf');
  await ask({
    ...server.application,
    body: Buffer.from([2, 8, 5, 2, 8, 6]),
    parameters: `${settings}&query=${insert}`,
  });
  assert.equal(await application('SELECT sum(n) FROM millrace.rows'), '11');
});

test('the inspector reads every table and does nothing else', async () => {
  assert.equal(await inspector('SELECT count() > 0 FROM millrace.numbers'), '1');
  assert.equal(await inspector('SELECT count() FROM system.users'), '3');
  await assert.rejects(inspector('INSERT INTO millrace.numbers VALUES (1)'), /ACCESS_DENIED/);
  await assert.rejects(inspector('DROP TABLE millrace.numbers'), /ACCESS_DENIED/);
  await assert.rejects(inspector("SELECT * FROM file('/etc/passwd', 'LineAsString')"), /ACCESS_DENIED/);
});

test('nobody can log in as the engine’s own user, nor with a wrong password', async () => {
  const engine = { username: 'default', password: '' };
  const lift = 'max_sessions_for_user=0';
  await assert.rejects(ask({ ...engine, body: 'SELECT 1' }), /USER_SESSION_LIMIT_EXCEEDED/);
  await assert.rejects(
    ask({ ...engine, body: 'SYSTEM STOP LISTEN HTTP', parameters: lift }),
    /USER_SESSION_LIMIT/,
  );
  await assert.rejects(
    ask({ username: 'millrace', password: 'wrong', body: 'SELECT 1' }),
    /AUTHENTICATION_FAILED/,
  );
});

test('rows survive kill -9, on the same port, with a supervisor that starts the engine again', async (t) => {
  const port = await pickFreePort();
  const restarted = Promise.withResolvers<void>();
  const supervised = await supervise({
    name: 'clickhouse',
    start: (signal) => startClickHouse({ dataDir: join(root, 'killed'), passwords, port, signal }),
    onRestart: () => restarted.resolve(),
    log: () => undefined,
  });
  t.after(() => supervised.stop());
  const { url } = supervised.current;
  await ask({ ...server.application, url, body: 'CREATE DATABASE millrace' });
  await ask({
    ...server.application,
    url,
    body: 'CREATE TABLE millrace.t (n UInt8) ENGINE = MergeTree ORDER BY n',
  });
  await ask({ ...server.application, url, body: 'INSERT INTO millrace.t VALUES (1), (2)' });
  process.kill(supervised.current.pid, 'SIGKILL');
  await restarted.promise;
  assert.equal(await ask({ ...server.application, url, body: 'SELECT count() FROM millrace.t' }), '2');
});

test('a second engine on a used directory is refused', async () => {
  await assert.rejects(startClickHouse({ dataDir, passwords }), /is in use by process/);
});

function application(query: string): Promise<string> {
  return ask({ ...server.application, body: query });
}

function inspector(query: string): Promise<string> {
  return ask({ ...server.inspector, body: query });
}

interface Question {
  url?: string;
  username: string;
  password: string;
  body: string | Uint8Array<ArrayBuffer>;
  parameters?: string;
}

async function ask({
  url = server.url,
  username,
  password,
  body,
  parameters = '',
}: Question): Promise<string> {
  const headers = { 'X-ClickHouse-User': username, 'X-ClickHouse-Key': password, connection: 'close' };
  const response = await fetch(`${url}/?${parameters}`, { method: 'POST', headers, body });
  const text = (await response.text()).trim();
  if (!response.ok) throw new Error(text);
  return text;
}
