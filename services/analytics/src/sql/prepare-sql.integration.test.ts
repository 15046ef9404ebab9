import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClickHouse } from '@millrace/stores';
import { log } from '../../test/analytics-world.ts';
import { startEditedClickHouse } from '../../test/edited-clickhouse.ts';
import { createSqlWorld } from '../../test/sql-world.ts';
import { prepareStore } from '../prepare-store.ts';
import { createSqlPreparation } from './prepare-sql.ts';

const WRONG: readonly (readonly [what: string, edit: (xml: string) => string, cause: RegExp])[] = [
  [
    'the row policy is missing',
    (xml) => xml.replace(/<databases>.*<\/databases>/s, ''),
    /row policy of millrace_sql_rows on millrace.events is missing/,
  ],
  ['a limit is missing', (xml) => xml.replace(/<max_execution_time>20<\/max_execution_time>/, ''), /limits/],
  [
    'settings may be changed',
    (xml) => xml.replace(/<readonly>1<\/readonly>/, '<readonly>2</readonly>'),
    /limits/,
  ],
  [
    'the user of statements may read the events themselves',
    (xml) =>
      xml.replace(
        'GRANT SELECT ON millrace_sql.events<',
        'GRANT SELECT ON millrace_sql.events</query><query>GRANT SELECT ON millrace.events<',
      ),
    /millrace_sql may read millrace.events/,
  ],
  ['the definer is not there', (xml) => xml.replaceAll('millrace_sql_rows', 'others'), /millrace_sql_rows/],
];

for (const [what, edit, cause] of WRONG) {
  test(`nothing is answered where ${what}`, async (t) => {
    const clickHouse = await startEditedClickHouse(edit);
    t.after(() => clickHouse.stop());
    const { url, passwords } = clickHouse;
    const clientOf = (username: string, password: string, database: string) => {
      const client = createClickHouse({ url, username, password, database, uncompressed: true });
      t.after(() => client.close());
      return client;
    };
    const application = clientOf('millrace', passwords.application, 'default');
    const { signal } = new AbortController();
    await prepareStore({ client: application, database: 'millrace', cluster: '', signal, log });
    await application.insert({
      table: 'millrace.events',
      format: 'JSONEachRow',
      values: [{ workspace_id: 'w1', event_id: 'e1' }],
      columns: ['workspace_id', 'event_id'],
    });
    const prepare = createSqlPreparation({
      application,
      reader: clientOf('millrace_sql', passwords.sql, 'millrace_sql'),
      target: { database: 'millrace', cluster: '', sqlUser: 'millrace_sql' },
      log,
    });
    await assert.rejects(prepare(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'unimplemented');
      assert.match(error.message, /SQL is not set up here/);
      assert.match(String(error.cause), cause);
      return true;
    });
  });
}

test('without a password there is no SQL, and it says where to read on', async (t) => {
  const world = await createSqlWorld({ settings: { CLICKHOUSE_SQL_PASSWORD: '' } });
  t.after(() => world.close());
  await assert.rejects(world.text({ query: 'SELECT 1' }), {
    code: 'unimplemented',
    message: /CLICKHOUSE_SQL_PASSWORD in docs\/sql\.md/,
  });
});

test('a wrong password is a matter of setting up, too', async (t) => {
  const world = await createSqlWorld({ settings: { CLICKHOUSE_SQL_PASSWORD: 'wrong' } });
  t.after(() => world.close());
  await assert.rejects(world.text({ query: 'SELECT 1' }), { code: 'unimplemented' });
});
