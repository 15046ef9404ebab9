import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { type ClickHouse, startClickHouse } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { z } from 'zod';
import { createClickHouse } from './client.ts';
import { ask, exceededLimit } from './query.ts';

const MEBIBYTE = 1024 ** 2;
const directory = mkdtempSync(join(tmpdir(), 'millrace-query-'));
let clickhouse: ClickHouse;
let client: ClickHouseClient;

before(async () => {
  const passwords = { application: 'application', inspector: 'inspector' };
  clickhouse = await startClickHouse({ dataDir: directory, passwords, maxMemoryBytes: 600 * MEBIBYTE });
  client = createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
});
after(async () => {
  await client.close();
  await clickhouse.stop();
  rmSync(directory, { recursive: true, force: true });
});

const running = async (): Promise<number> => {
  const sql =
    "SELECT count() AS n FROM system.processes WHERE position(query, concat('numbers', '(1e15)')) > 0";
  const [row] = await ask(client, { sql, row: z.object({ n: z.coerce.number() }), timeoutMs: 10_000 });
  return row?.n ?? -1;
};

test('a question that nobody waits for ends in ClickHouse, too', async () => {
  const leaving = new AbortController();
  const endless = ask(client, {
    sql: 'SELECT sum(sipHash64(number)) AS n FROM numbers(1e15)',
    row: z.unknown(),
    timeoutMs: 600_000,
    signal: leaving.signal,
  });
  endless.catch(() => undefined);
  await eventually(async () => assert.equal(await running(), 1));
  leaving.abort();
  await assert.rejects(endless, { code: 'unavailable' });
  await eventually(async () => assert.equal(await running(), 0));
});

test('memory that a question may not take is told from memory that the server does not have', async () => {
  const fail = (max_memory_usage: number) =>
    client
      .query({
        query: 'SELECT length(groupArray(number)) FROM numbers(2e8)',
        clickhouse_settings: {
          max_memory_usage: String(max_memory_usage),
          max_bytes_ratio_before_external_group_by: 0,
        },
      })
      .then(
        () => assert.fail('there was memory enough'),
        (error: unknown) => error,
      );
  assert.equal(exceededLimit(await fail(50 * MEBIBYTE)), 'memory');
  assert.equal(exceededLimit(await fail(8_192 * MEBIBYTE)), 'store');
});
