import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeFeed, tailOver, watch } from '../../test/tail.ts';
import { idsOf, publishEach, range, turns } from '../../test/tail-events.ts';
import { MAX_WAITING } from './tail-reader.ts';

describe('readers that are slow', () => {
  test('one that takes nothing is dropped and told why, and loses nothing; the others go on', async () => {
    const feed = createFakeFeed();
    const { tail, told } = tailOver(feed, { patienceMs: 20 });
    const slow = await watch(tail);
    const good = await watch(tail);
    publishEach(feed, range(0, 10));
    await slow.until(1);
    const taken = slow.ids().length;
    const total = MAX_WAITING.events + 2_010;
    const reading = good.until(total);
    for (let at = 10; at < total; at += 100) {
      publishEach(feed, range(at, at + 100));
      await turns(3);
    }
    await reading;
    assert.deepEqual(good.ids(), idsOf(range(0, total)));
    while (told.dropped.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(told.dropped, ['slow_reader']);
    assert.equal(tail.waiting.events, 0);
    await slow.next();
    const last = slow.told.at(-1);
    assert.deepEqual(last?.kind === 'end' && last.end, 'slow_reader');
    assert.equal(await slow.next(), undefined);
    const again = await watch(tail, { after: slow.cursor });
    await again.until(total - taken);
    assert.deepEqual(again.ids().slice(0, 5), idsOf(range(taken, taken + 5)));
    await Promise.all([good.leave(), again.leave()]);
  });

  test('a burst is no reason to drop a reader who takes it, in one message, in many, or in large ones', async () => {
    const feed = createFakeFeed();
    const { tail, told } = tailOver(feed);
    const watcher = await watch(tail);
    feed.publish(range(0, 20_000));
    await watcher.until(20_000);
    publishEach(feed, range(20_000, 40_000));
    // All of it has passed before the first is taken.
    await turns(300);
    await watcher.until(40_000);
    const payload = JSON.stringify({ text: 'x'.repeat(200_000) });
    for (let i = 0; i < 40; i += 20) {
      feed.publish(range(40_000 + i, 40_020 + i).map((event) => ({ ...event, payload })));
    }
    await turns(50);
    assert.ok(tail.waiting.bytes < 8_000_000, `${tail.waiting.bytes} wait`);
    await watcher.until(40_040);
    assert.deepEqual(watcher.ids(), idsOf(range(0, 40_040)));
    assert.deepEqual(told.dropped, []);
    await watcher.leave();
  });

  test('one that is far behind and takes nothing holds a little of the stream, and nobody up', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed, { patienceMs: 60_000 });
    const begin = await watch(tail);
    await begin.leave();
    publishEach(feed, range(0, 20_000));
    const idle = await Promise.all(Array.from({ length: 20 }, () => watch(tail, { after: begin.cursor })));
    await turns(100);
    const { events } = tail.waiting;
    assert.ok(events < 20 * MAX_WAITING.events, `${events} wait`);
    const good = await watch(tail, { after: begin.cursor });
    await good.until(20_000);
    assert.deepEqual(good.ids(), idsOf(range(0, 20_000)));
    await Promise.all([good, ...idle].map((one) => one.leave()));
    assert.deepEqual(tail.waiting, { events: 0, bytes: 0 });
  });

  test('1,000 readers: each sees all of its own, and what waits is bounded by what is not taken', async () => {
    const feed = createFakeFeed();
    const { tail, told } = tailOver(feed);
    const watchers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => watch(tail, { workspaceId: `w${i % 100}` })),
    );
    assert.equal(told.readers, 1_000);
    assert.equal(feed.followers, 1);
    const stalled = watchers.slice(0, 50);
    const taking = watchers.slice(50);
    let most = 0;
    const reading = Promise.all(taking.map((one) => one.until(100)));
    for (let at = 0; at < 100; at++) {
      feed.publish(Array.from({ length: 100 }, (_, i) => ({ id: String(at), workspaceId: `w${i}` })));
      await turns(2);
      most = Math.max(most, tail.waiting.events);
    }
    await reading;
    for (const one of taking) assert.deepEqual(one.ids(), idsOf(range(0, 100)));
    assert.ok(most <= stalled.length * 100 + 1_000 * 4, `${most} waited`);
    assert.equal(tail.waiting.events, stalled.length * 100);
    await Promise.all(watchers.map((one) => one.leave()));
    assert.deepEqual([tail.waiting.events, tail.waiting.bytes, told.readers], [0, 0, 0]);
  });
});
