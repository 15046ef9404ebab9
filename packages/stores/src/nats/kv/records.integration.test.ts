import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import { createLogger, systemClock } from '@millrace/runtime';
import { eventually, untilPushed } from '@millrace/testkit';
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import { connectNats } from '../connect.ts';
import type { RecordChange } from './record-table.ts';
import { openRecords, type Records } from './records.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const record = z.object({ name: z.string() });
type NamedRecord = z.output<typeof record>;

/** For what must not be found by the regular look at the bucket. */
const NEVER_MS = 600_000;

let server: NatsServer;
let dataDir: string;
const connections: NatsConnection[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-kv-'));
  server = await startNatsServer({ password: 'a-password-of-tests', dataDir });
});

after(async () => {
  for (const connection of connections) await connection.close();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

test('a change by compare-and-set on an old revision is a conflict, and one writer wins a race', async () => {
  const records = await openTestRecords({ bucket: 'conflicts' });
  const created = await records.create('a', { name: 'one' });
  assert.equal(created.kind, 'written');
  assert.deepEqual(await records.create('a', { name: 'again' }), { kind: 'conflict' });
  const revision = created.kind === 'written' ? created.revision : 0;
  const race = await Promise.all(
    Array.from({ length: 10 }, (_, i) => records.update('a', { name: `racer ${i}` }, revision)),
  );
  assert.equal(race.filter((outcome) => outcome.kind === 'written').length, 1);
  assert.deepEqual(await records.remove('a', revision), { kind: 'conflict' });
  const stored = await records.read('a');
  assert.deepEqual(stored, records.get('a'));
  assert.equal((await records.remove('a', stored?.revision ?? 0)).kind, 'written');
  assert.equal(records.get('a'), undefined);
  assert.equal(await records.read('a'), undefined);
  assert.equal((await records.create('a', { name: 'reborn' })).kind, 'written');
  await records.close();
});

test('the index is complete when it opens, with thousands of records and removed ones among them', async () => {
  const writer = await openTestRecords({ bucket: 'complete' });
  for (let made = 0; made < 3_000; made += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => writer.create(`r${made + i}`, { name: String(made + i) })),
    );
  }
  await Promise.all(
    [...writer.entries()].slice(0, 100).map(([at, { revision }]) => writer.remove(at, revision)),
  );
  for (let round = 0; round < 5; round++) {
    const reader = await openTestRecords({ bucket: 'complete' });
    assert.equal(reader.size, 2_900);
    assert.equal(reader.staleSinceMs, undefined);
    await reader.close();
  }
  await writer.close();
});

test('another process is told of a change, and does not find it by looking', async (t) => {
  const here = await openTestRecords({ bucket: 'seen' });
  const there = await openTestRecords({ bucket: 'seen', checkIntervalMs: NEVER_MS });
  await here.create('a', { name: 'one' });
  await untilPushed(t, 'created', () => assert.equal(there.get('a')?.value.name, 'one'));
  await here.remove('a', here.get('a')?.revision ?? 0);
  await untilPushed(t, 'removed', () => assert.equal(there.get('a'), undefined));
  await here.close();
  await there.close();
});

test('an unreadable record is left out and does not end the feed', async () => {
  const records = await openTestRecords({ bucket: 'unreadable' });
  const kv = await (await connectTest()).jetstream().views.kv('unreadable');
  await kv.put('broken', '{"name":1}');
  await kv.put('good', '{"name":"x"}');
  await until(() => records.get('good') !== undefined);
  assert.equal(records.get('broken'), undefined);
  await records.close();
});

test('the index survives kill -9 of the server and sees what changed meanwhile', async () => {
  const records = await openTestRecords({ bucket: 'resync' });
  await records.create('kept', { name: 'kept' });
  await records.create('changed', { name: 'before' });
  await records.create('removed', { name: 'removed' });
  const changes: RecordChange<NamedRecord>[] = [];
  records.onChange((change) => changes.push(change));
  for (let round = 1; round <= 3; round++) {
    await server.kill();
    await until(() => records.staleSinceMs !== undefined);
    assert.equal(records.get('kept')?.value.name, 'kept', 'the last state goes on answering');
    server = await startNatsServer({ password: 'a-password-of-tests', dataDir, port: server.port });
    const other = await openTestRecords({ bucket: 'resync' });
    assert.equal(
      (await other.update('changed', { name: `${round}` }, other.get('changed')?.revision ?? 0)).kind,
      'written',
    );
    if (round === 1) await other.remove('removed', other.get('removed')?.revision ?? 0);
    await until(
      () => records.get('changed')?.value.name === `${round}` && records.staleSinceMs === undefined,
    );
    await other.close();
  }
  assert.equal(records.get('removed'), undefined);
  assert.deepEqual(changes.map(({ kind, recordKey }) => `${kind} ${recordKey}`).sort(), [
    'put changed',
    'put changed',
    'put changed',
    'removed removed',
  ]);
  await records.close();
});

test('the index follows a bucket that was lost and made anew, whatever the revisions were before', async () => {
  const records = await openTestRecords({ bucket: 'lost' });
  for (const name of ['a', 'b', 'c']) await records.create(name, { name });
  const { port } = server;
  await server.kill();
  await rm(join(dataDir, 'jetstream'), { recursive: true });
  server = await startNatsServer({ password: 'a-password-of-tests', dataDir, port });
  const other = await openTestRecords({ bucket: 'lost' });
  await other.create('c', { name: 'new' });
  await until(() => records.size === 1 && records.get('c')?.value.name === 'new');
  await records.close();
  await other.close();
});

test('a feed that died on the server without a word is noticed and started again', async () => {
  const connection = await connectTest();
  const records = await openTestRecords({ bucket: 'dead-feed', connection, checkIntervalMs: 200 });
  await records.create('a', { name: 'before' });
  const manager = await connection.jetstreamManager();
  for await (const consumer of manager.consumers.list('KV_dead-feed')) {
    await manager.consumers.delete('KV_dead-feed', consumer.name);
  }
  const other = await openTestRecords({ bucket: 'dead-feed' });
  await other.update('a', { name: 'after' }, other.get('a')?.revision ?? 0);
  await until(() => records.get('a')?.value.name === 'after');
  await records.close();
  await other.close();
});

async function openTestRecords(options: {
  bucket: string;
  connection?: NatsConnection;
  checkIntervalMs?: number;
}): Promise<Records<NamedRecord>> {
  return openRecords({
    connection: options.connection ?? (await connectTest()),
    bucket: options.bucket,
    replicas: 1,
    parse: (stored) => record.parse(stored),
    clock: systemClock,
    log,
    ...(options.checkIntervalMs === undefined ? {} : { checkIntervalMs: options.checkIntervalMs }),
  });
}

async function connectTest(): Promise<NatsConnection> {
  const connection = await connectNats({ url: server.url, name: 'kv-test', log });
  connections.push(connection);
  return connection;
}

function until(condition: () => boolean): Promise<void> {
  return eventually(() => assert.ok(condition()), { timeoutMs: 30_000, intervalMs: 5 });
}
