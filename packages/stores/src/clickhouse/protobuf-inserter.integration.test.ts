import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { type ClickHouse, startClickHouse } from '@millrace/embedded';
import { createClickHouse } from './client.ts';
import { createProtobufInserter, type ProtobufInserter } from './protobuf-inserter.ts';

/** As many as have shown the fault in each run; a new text is a new file of the server's. */
const ROUNDS = 40;
const AT_ONCE = 8;
const directory = mkdtempSync(join(tmpdir(), 'millrace-inserter-'));
let clickhouse: ClickHouse;
let client: ClickHouseClient;
let texts = 0;

before(async () => {
  const passwords = { application: 'application', inspector: 'inspector' };
  clickhouse = await startClickHouse({ dataDir: directory, passwords });
  client = createClickHouse({ url: clickhouse.url, ...clickhouse.application, database: 'default' });
});
after(async () => {
  await client.close();
  await clickhouse.stop();
  rmSync(directory, { recursive: true, force: true });
});

function inserterOf(text: string): ProtobufInserter {
  const columns = ['workspace_id'];
  return createProtobufInserter({
    client,
    table: 'millrace.events',
    schema: { text, messageName: 'Event', columns },
  });
}

function newText(): string {
  return `syntax = "proto3"; message Event { string workspace_id = 1; } message New${texts++} {}`;
}

const use = (inserter: ProtobufInserter) =>
  inserter.dryRun({ body: [Buffer.from([3, 0x0a, 1, 65])], timeoutMs: 20_000 });

test('a schema that the server has never seen is learnt by one, and the others wait', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const inserter = inserterOf(newText());
    await Promise.all(Array.from({ length: AT_ONCE }, () => use(inserter)));
  }
});

test('several processes that meet it at once get over what the server has misread', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const text = newText();
    const inserters = Array.from({ length: AT_ONCE }, () => inserterOf(text));
    let left = inserters;
    for (let attempt = 0; left.length > 0; attempt++) {
      assert.ok(attempt < 20, `${left.length} of ${AT_ONCE} still fail`);
      const outcomes = await Promise.allSettled(left.map(use));
      left = left.filter((_, i) => outcomes[i]?.status === 'rejected');
    }
  }
});
