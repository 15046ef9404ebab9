import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pickFreePort } from '@millrace/embedded';
import { connectRedis, type Redis, redisKnownKeys } from '@millrace/stores';
import { testClock, testLog } from '../../test/stores.ts';
import { createWorld, type World } from '../../test/world.ts';

const WEEK_MS = 7 * 86_400_000;

let world: World;
let redisProcess: ChildProcess;
let redis: Redis;

before(async () => {
  world = await createWorld();
  const port = await pickFreePort();
  redisProcess = spawn('redis-server', ['--port', `${port}`, '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  });
  redis = connectRedis({ url: `redis://127.0.0.1:${port}`, log: testLog });
  // Not events.once: that rejects at the first refused connection.
  await new Promise((resolve) => redis.once('ready', resolve));
});
after(async () => {
  redis?.disconnect();
  redisProcess?.kill('SIGKILL');
  await world?.close();
});

const sharedKeys = () => redisKnownKeys({ redis, windowMs: WEEK_MS, clock: testClock, log: testLog });
const events = (prefix: string, count: number, suffix = '') =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}-${i}${suffix}`, key: `${prefix}-${i}` }));

async function assertRows(rows: number): Promise<void> {
  await world.until(rows);
  await delay(400);
  assert.deepEqual(await world.counts(), { rows, ids: rows, rollup: rows });
}

test('duplicates in one message, in one batch and in later ones are dropped and counted', async () => {
  const writer = await world.startWriter();
  await world.publish([...events('a', 20), ...events('a', 20, '-again')]);
  await world.publish(events('a', 20, '-again'));
  await assertRows(20);
  await world.publish(events('a', 20, '-late'));
  await world.publish(events('b', 1));
  await assertRows(21);
  assert.match(await writer.metrics.metrics(), /millrace_writer_copies_dropped_total 60/);
  await writer.close();
});

test('a duplicate of what was stored before a restart is dropped, without Redis', async () => {
  const writer = await world.startWriter();
  await world.publish(events('a', 20, '-restart'));
  await world.publish(events('c', 1));
  await assertRows(22);
  await writer.close();
});

test('a duplicate of what memory has no room for is found in ClickHouse', async () => {
  const writer = await world.startWriter({ memoryKeys: 4 });
  await world.publish(events('d', 50));
  await assertRows(72);
  await world.publish([...events('d', 50, '-again'), ...events('a', 20, '-again')]);
  await world.publish(events('e', 1));
  await assertRows(73);
  await writer.close();
});

test('with Redis: duplicates are dropped, also after it lost its memory or went away', async () => {
  const writer = await world.startWriter({ memoryKeys: 4, sharedKeys: sharedKeys() });
  await world.publish(events('f', 50));
  await assertRows(123);
  await world.publish(events('f', 50, '-again'));
  await world.publish(events('g', 1));
  await assertRows(124);
  await redis.flushall();
  await world.publish(events('f', 50, '-flushed'));
  await world.publish(events('h', 1));
  await assertRows(125);
  redisProcess.kill('SIGKILL');
  await new Promise((resolve) => redis.once('close', resolve));
  await world.publish(events('f', 50, '-gone'));
  await world.publish(events('i', 1));
  await assertRows(126);
  await writer.close();
});

test('more keys than a request line holds can be asked for at once', async () => {
  const asked = Array.from({ length: 100_000 }, (_, i) => `unknown-${i}`.padEnd(16, '.'));
  const known = await world.table.knownKeys([...asked, 'a-0'.padEnd(16, '.')], 0);
  assert.deepEqual([...known], ['a-0'.padEnd(16, '.')]);
});

test('messages of nothing but duplicates move the position on, also over a restart', async () => {
  const first = await world.startWriter();
  const seq = await world.publish(events('a', 20, '-only'));
  for (let look = 0; look < 50; look++) {
    if (((await first.eventLog.positions.read(1000, 'writer'))?.seq ?? 0) >= seq) break;
    await delay(50);
  }
  assert.equal((await first.eventLog.positions.read(1000, 'writer'))?.seq, seq);
  await first.close();
  const second = await world.startWriter();
  await world.publish(events('j', 1));
  await assertRows(127);
  await second.close();
});

test('after the newest rows were deleted, nothing is stored again and the next event is', async () => {
  await world.stores.client.command({
    query: "ALTER TABLE events DELETE WHERE event_id IN ('j-0', 'i-0', 'h-0') SETTINGS mutations_sync = 2",
  });
  const writer = await world.startWriter();
  await world.publish(events('k', 3));
  await assertRows(127);
  const rows = await world.query<{ event_id: string }>(
    "SELECT event_id FROM events WHERE event_id IN ('i-0', 'j-0', 'k-2')",
  );
  assert.deepEqual(rows, [{ event_id: 'k-2' }]);
  await writer.close();
});
