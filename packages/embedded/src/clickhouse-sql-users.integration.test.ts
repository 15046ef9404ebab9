import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ClickHouse, startClickHouse } from './clickhouse-server.ts';
import { sqlLimits, sqlUser } from './clickhouse-sql-users.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-sql-users-'));
const passwords = { application: 'application', inspector: 'inspector', sql: 'statements' };
const [, block = '', others = ''] = readFileSync(
  new URL('../../../docs/sql.md', import.meta.url),
  'utf8',
).split('```sql\n');
const statements = [block, others].flatMap((text) =>
  (text.split('```')[0] ?? '').split(';\n').filter(Boolean),
);
let server: ClickHouse;

before(async () => {
  server = await startClickHouse({ dataDir, passwords });
});
after(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test('docs/sql.md has every limit of the profile', () => {
  const [profile = ''] = statements;
  const documented = [...profile.matchAll(/^ {4}(\w+) = (.*?),?$/gm)].map(([, name, value = '']) => [
    name,
    value.replaceAll("'", ''),
  ]);
  assert.deepEqual(
    documented,
    Object.entries(sqlLimits).map(([name, value]) => [name, String(value)]),
  );
});

test('what docs/sql.md has operators run is what ClickHouse takes for statements', async () => {
  assert.equal(statements.length, 10);
  for (const text of statements) {
    const written = await ask('inspector', `SELECT formatQuerySingleLine(${quoted(text)})`);
    assert.match(written, /^(CREATE|GRANT) /, text);
  }
  // Each limit is a setting of this server.
  const names = Object.keys(sqlLimits);
  const known = await ask(
    'inspector',
    `SELECT count() FROM system.settings WHERE name IN (${names.map(quoted).join(', ')})`,
  );
  assert.equal(Number(known), names.length);
});

test('the limits hold, and the user that runs statements can not lift them', async () => {
  assert.equal(
    await ask(sqlUser, "SELECT getSetting('readonly'), getSetting('max_execution_time')"),
    '1\t20',
  );
  await assert.rejects(ask(sqlUser, 'SELECT 1 SETTINGS max_execution_time = 0'), /READONLY/);
  await assert.rejects(ask(sqlUser, 'SET max_execution_time = 0'), /READONLY/);
  await assert.rejects(ask(sqlUser, 'SELECT 1', 'max_execution_time=0'), /READONLY/);
  await assert.rejects(ask(sqlUser, 'SELECT * FROM system.users'), /ACCESS_DENIED/);
});

test('nobody signs in as the definer', async () => {
  for (const password of ['', '0'.repeat(64), 'statements']) {
    await assert.rejects(ask('millrace_sql_rows', 'SELECT 1', '', password), /AUTHENTICATION_FAILED/);
  }
});

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}

const PASSWORDS = new Map([
  ['inspector', passwords.inspector],
  [sqlUser, passwords.sql],
]);

async function ask(
  user: string,
  body: string,
  parameters = '',
  password = PASSWORDS.get(user) ?? '',
): Promise<string> {
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, connection: 'close' };
  const response = await fetch(`${server.url}/?${parameters}`, { method: 'POST', headers, body });
  const text = (await response.text()).trim();
  if (!response.ok) throw new Error(text);
  return text;
}
