import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@millrace/runtime';
import { analyticsSettings } from './config.ts';

test('in production the password that opens every workspace’s events to SQL must be a strong one', () => {
  const load = (password: string) =>
    loadConfig(analyticsSettings, { MILLRACE_ENV: 'production', CLICKHOUSE_SQL_PASSWORD: password });
  assert.throws(() => load('statements'), /CLICKHOUSE_SQL_PASSWORD/);
  assert.equal(load('Zm9yIHRlc3RzIG9ubHkgOi0p').CLICKHOUSE_SQL_USER, 'millrace_sql');
});

test('the user of SQL is a plain name: the view’s definer is named after it', () => {
  assert.throws(
    () => loadConfig(analyticsSettings, { CLICKHOUSE_SQL_USER: 'a`b' }),
    /CLICKHOUSE_SQL_USER.*letters, digits and _/s,
  );
});
