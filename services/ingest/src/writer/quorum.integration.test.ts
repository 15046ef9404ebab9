import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createClickHouse, createEventTable } from '@millrace/stores';
import { createWorld, type World } from '../../test/world.ts';

/** What a client asked, in the order of the requests. */
interface Asked {
  readonly sql: string;
  readonly settings: URLSearchParams;
}

let world: World;
let proxy: Server;
const asked: Asked[] = [];
/** Codes that the next inserts are answered with, after ClickHouse has them or instead. */
const failures: { code: string; stored: boolean }[] = [];

before(async () => {
  world = await createWorld();
  const target = new URL(world.stores.clickhouse.url);
  proxy = createServer((incoming, answer) => {
    const settings = new URL(incoming.url ?? '/', target).searchParams;
    const isInsert = settings.has('insert_deduplication_token');
    const failure = isInsert ? failures.shift() : undefined;
    const fail = () => {
      answer.writeHead(500, { 'x-clickhouse-exception-code': failure?.code ?? '' });
      answer.end(`Code: ${failure?.code}. DB::Exception: planted. (PLANTED)`);
    };
    if (failure && !failure.stored) {
      incoming.resume().on('end', fail);
      return;
    }
    const { hostname, port } = target;
    const outgoing = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (response) => {
        if (failure) response.resume().on('end', fail);
        else {
          answer.writeHead(response.statusCode ?? 500, response.headers);
          response.pipe(answer);
        }
      },
    );
    outgoing.on('error', () => answer.destroy());
    const body: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => {
      if (!isInsert) body.push(chunk);
    });
    incoming.on('end', () => {
      asked.push({ sql: settings.get('query') ?? Buffer.concat(body).toString(), settings });
    });
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await world?.close();
});

test('with a cluster: inserts wait for most replicas, positions and keys come from one that has them all', async () => {
  const { port } = proxy.address() as AddressInfo;
  const { username, password } = world.stores.clickhouse.application;
  const client = createClickHouse({
    url: `http://127.0.0.1:${port}`,
    username,
    password,
    database: 'millrace',
  });
  const table = createEventTable({ client, database: 'millrace', replicated: true });
  // Quorum not reached, unknown status of an insert, Keeper away: whether or not the rows are there.
  failures.push(
    { code: '285', stored: false },
    { code: '319', stored: true },
    { code: '999', stored: false },
    { code: '286', stored: true },
  );
  // The engine without replicas refuses what is for them; the settings are looked at on their way.
  const writer = await world.startWriter({ table: () => table, batchRows: 50, memoryKeys: 4 });
  for (let message = 0; message < 6; message++) {
    await world.publish(
      Array.from({ length: 50 }, (_, i) => ({ id: `q${message}-${i}`, key: `q${message}-${i}` })),
    );
  }
  await world.until(300);
  assert.deepEqual(await world.counts(), { rows: 300, ids: 300, rollup: 300 });
  assert.deepEqual(failures, []);
  await table.park([
    {
      shard: 1,
      seq: 1,
      index: 0,
      reason: 'r',
      detail: 'd',
      body: Buffer.from('b'),
      parkedAtMs: 1,
      workspaceId: '',
      eventId: '',
      eventType: '',
    },
  ]);
  await writer.close();
  await client.close();

  const of = (pattern: RegExp) => asked.filter(({ sql }) => pattern.test(sql));
  for (const pattern of [/INSERT INTO millrace\.events/, /INSERT INTO dead_letters/]) {
    const inserts = of(pattern);
    assert.ok(inserts.length > 0, String(pattern));
    for (const { settings } of inserts) {
      assert.equal(settings.get('insert_quorum'), 'auto');
      assert.equal(settings.get('insert_quorum_parallel'), '0');
    }
  }
  for (const pattern of [/max\(_seq\)/, /SELECT DISTINCT hex\(dedup_key\)/, /SELECT dedup_key/]) {
    const questions = of(pattern);
    assert.ok(questions.length > 0, String(pattern));
    for (const { settings } of questions) assert.equal(settings.get('select_sequential_consistency'), '1');
  }
});

test('without a cluster nothing is said of replicas', async () => {
  const before = asked.length;
  const { port } = proxy.address() as AddressInfo;
  const { username, password } = world.stores.clickhouse.application;
  const client = createClickHouse({
    url: `http://127.0.0.1:${port}`,
    username,
    password,
    database: 'millrace',
  });
  await createEventTable({ client, database: 'millrace' }).position(1_000);
  await client.close();
  const [question] = asked.slice(before);
  assert.equal(question?.settings.get('select_sequential_consistency'), null);
});
