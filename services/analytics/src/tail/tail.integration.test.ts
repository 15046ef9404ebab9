import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import { createLogger, systemClock } from '@millrace/runtime';
import {
  connectNats,
  EVENTS_STREAM,
  ensureEventStreams,
  type NatsConnection,
  openEventFeed,
  shardSubject,
} from '@millrace/stores';
import { envelopeOf, tailOver, watch } from '../../test/tail.ts';
import type { Tail } from './tail.ts';

const log = createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
const password = 'a-password-of-tests';
const directory = mkdtempSync(join(tmpdir(), 'millrace-tail-'));

let nats: NatsServer;
let connection: NatsConnection;
let tail: Tail;
before(async () => {
  nats = await startNatsServer({ password, dataDir: directory });
  connection = await connectNats({ url: nats.url, name: 'tail', log });
  const manager = await connection.jetstreamManager();
  await ensureEventStreams(manager, { replicas: 1, maxBytes: 64 * 1024 * 1024 });
  const feed = openEventFeed({ connection, readAheadBytes: 1024 * 1024, clock: systemClock, log });
  ({ tail } = tailOver(feed, { stillMs: 20 }));
});
after(async () => {
  await tail?.close();
  await connection?.close();
  await nats?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Publishes a message with events into one of two shards. */
async function publish(ids: readonly string[], index: 0 | 1, workspaceId = 'w'): Promise<void> {
  const data = envelopeOf(ids.map((id) => ({ id, workspaceId })));
  await connection.jetstream().publish(shardSubject({ count: 2, index }), data);
}

test('every shard’s events, each shard in its order, though readers leave and come again all the while', async () => {
  const total = 3_000;
  const publishing = (async () => {
    for (let published = 0; published < total; published += 10) {
      const shard = (published / 10) % 3 === 0 ? 0 : 1;
      const ids = Array.from({ length: 10 }, (_, i) => `${shard}-${published + i}`);
      await publish(ids, shard);
      await publish(['somebody else’s'], shard, 'other');
    }
  })();
  const follow = async (leaveAfter: number) => {
    const first = await watch(tail, { last: 1_000 });
    let after = first.cursor;
    await first.leave();
    const ids: string[] = [];
    while (!ids.at(-1)?.endsWith(`-${total - 1}`)) {
      const watcher = await watch(tail, { after });
      while (watcher.ids().length < leaveAfter && (await watcher.next())?.kind !== 'still');
      ids.push(...watcher.ids());
      after = watcher.cursor;
      await watcher.leave();
    }
    return ids;
  };
  const followers = [7, 100, 2_000].map(follow);
  await publishing;
  const everything = await watch(tail, { last: 1_000 });
  await everything.until(1_000);
  for (const ids of await Promise.all(followers)) {
    const numbers = ids.map((id) => Number(id.split('-')[1]));
    const first = numbers[0] ?? total;
    assert.equal(numbers.length, total - first);
    assert.deepEqual(
      numbers,
      Array.from({ length: total - first }, (_, i) => first + i),
    );
  }
  assert.equal(everything.ids()[0]?.split('-')[1], String(total - 1_000));
  await everything.leave();
});

test('what the trimmer has taken from one shard is a gap, what it has left of the other is shown', async () => {
  const first = await watch(tail);
  for (let i = 0; i < 10; i++) await publish([`gap-${i % 2}-${i}`], i % 2 === 0 ? 0 : 1);
  await first.until(2);
  const after = first.cursor;
  const taken = first.ids().length;
  await first.leave();
  const manager = await connection.jetstreamManager();
  await manager.streams.purge(EVENTS_STREAM, { filter: shardSubject({ count: 2, index: 1 }) });
  const again = await watch(tail, { after });
  await publish(['gap-end'], 0);
  while (again.ids().at(-1) !== 'gap-end') await again.next();
  const left = Array.from({ length: 10 }, (_, i) => i).filter((i) => i >= taken && i % 2 === 0);
  assert.deepEqual(again.ids(), [...left.map((i) => `gap-0-${i}`), 'gap-end']);
  assert.ok(again.told.some((one) => one.kind === 'gap' && one.gap === 'trimmed'));
  await again.leave();
});

test('a restart of NATS under way: the tail goes on, and misses nothing', async () => {
  const watcher = await watch(tail);
  await publish(['before'], 0);
  await watcher.until(1);
  const { port } = nats;
  await nats.kill();
  nats = await startNatsServer({ password, dataDir: directory, port });
  while (
    !(await publish(['after'], 0).then(
      () => true,
      () => false,
    ))
  );
  await watcher.until(2);
  assert.deepEqual(new Set(watcher.ids()), new Set(['before', 'after']));
  await watcher.leave();
});

test('no stream: unavailable, and readers are welcome once it is there', async () => {
  const manager = await connection.jetstreamManager();
  await manager.streams.delete(EVENTS_STREAM);
  await assert.rejects(watch(tail), { code: 'unavailable' });
  await ensureEventStreams(manager, { replicas: 1, maxBytes: 64 * 1024 * 1024 });
  const watcher = await watch(tail);
  await publish(['again'], 0);
  await watcher.until(1);
  assert.deepEqual(watcher.ids(), ['again']);
  await watcher.leave();
});
