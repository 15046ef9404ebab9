import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectNats, openEventLog } from '@millrace/stores';
import { testClock, testLog } from '../../test/stores.ts';
import { createWorld, SHARD, SHARD_NUMBER, type World } from '../../test/world.ts';

let world: World;
let connection: Awaited<ReturnType<typeof connectNats>>;
before(async () => {
  world = await createWorld();
  connection = await connectNats({ url: world.stores.nats.url, name: 'log', log: testLog });
});
after(async () => {
  await connection?.close();
  await world?.close();
});

const open = (owner: string, aheadMs = 0) =>
  openEventLog({
    connection,
    replicas: 1,
    owner,
    readAheadBytes: 1_000_000,
    clock: { now: () => testClock.now() + aheadMs, monotonic: testClock.monotonic },
    log: testLog,
  });

test('a lease has one owner; given back it can be had at once, left behind after three seconds', async () => {
  const never = new AbortController().signal;
  const [first, second] = await Promise.all([open('first'), open('second')]);
  const held = await first.leases.acquire('work', never);
  let taken = false;
  const waiting = second.leases.acquire('work', never).then((lease) => {
    taken = true;
    return lease;
  });
  await delay(4_000);
  assert.equal(taken, false);
  assert.equal(held.valid, true);
  await held.release();
  assert.equal(held.valid, false);
  const next = await waiting;
  assert.equal(next.valid, true);
  await next.release();
});

test('a reader gives every message in order, and never reads far ahead of its consumer', async () => {
  const firstSeq = await world.publishBytes(Buffer.alloc(600_000, 1));
  for (let i = 0; i < 29; i++) await world.publishBytes(Buffer.alloc(600_000, 1));
  const reader = (await open('reader')).openReader(SHARD, firstSeq - 1);
  await delay(500);
  const seqs: number[] = [];
  let waiting = 0;
  while (seqs.length < 30) {
    const message = reader.take();
    if (message) seqs.push(message.seq);
    else {
      waiting++;
      await reader.wait(1_000);
    }
  }
  assert.deepEqual(
    seqs,
    Array.from({ length: 30 }, (_, i) => firstSeq + i),
  );
  // 18 MB at most 1 MB and one request ahead: it had to be waited for several times.
  assert.ok(waiting >= 2, `waited ${waiting} times`);
  await reader.close();
});

test('the trimmer takes what every reader has passed and is a day old, and nothing else', async () => {
  const log = await open('trimmer');
  const tomorrow = await open('trimmer-tomorrow', 25 * 3_600_000);
  const manager = await connection.jetstreamManager();
  const firstSeq = async () => (await manager.streams.info('EVENTS')).state.first_seq;
  const last = await log.lastSeq();

  assert.equal(await tomorrow.trim(SHARD), 0, 'nobody has read anything');
  await log.positions.raise(SHARD_NUMBER, 'writer', { seq: last });
  await log.positions.raise(SHARD_NUMBER, 'webhook-1', { seq: 5 });
  assert.equal(await log.trim(SHARD), 0, 'nothing is old');
  assert.equal(await tomorrow.trim(SHARD), 5);
  assert.equal(await firstSeq(), 6);
  await log.positions.raise(SHARD_NUMBER, 'webhook-1', { seq: last });
  await tomorrow.trim(SHARD);
  assert.equal(await firstSeq(), last + 1);
  assert.equal(await log.lastSeq(), last);
});

test('a position never goes back', async () => {
  const { positions } = await open('positions');
  await positions.raise(7, 'writer', { seq: 10, stored: 10 });
  await positions.raise(7, 'writer', { seq: 9, stored: 9 });
  assert.equal((await positions.read(7, 'writer'))?.seq, 10);
  // Read on, but on older knowledge of what is stored.
  await positions.raise(7, 'writer', { seq: 20, stored: 9 });
  assert.equal((await positions.read(7, 'writer'))?.stored, 10);
});
