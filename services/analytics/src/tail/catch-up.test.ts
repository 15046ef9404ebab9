import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeFeed, tailOver, watch } from '../../test/tail.ts';
import { idsOf, publishEach, range, turns } from '../../test/tail-events.ts';
import { encodeCursor } from './cursor.ts';

describe('resuming', () => {
  test('after any cursor: nothing is missed, nothing comes twice', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const keeper = await watch(tail, { workspaceId: 'other' });
    const first = await watch(tail);
    for (let i = 0; i < 40; i++) {
      feed.publish(range(i * 5, i * 5 + 5).map((event) => ({ ...event, workspaceId: 'w' })));
    }
    await first.until(200);
    const cursors = first.told.flatMap((one) => (one.kind === 'events' ? one.events : []));
    for (const [at, { cursor }] of cursors.entries()) {
      const again = await watch(tail, { after: cursor });
      await again.until(199 - at);
      await turns(2);
      assert.deepEqual(again.ids(), idsOf(range(at + 1, 200)));
      await again.leave();
    }
    await Promise.all([keeper.leave(), first.leave()]);
  });

  test('with events coming all the while, by readers who leave and come again, also when nobody else is there', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed, { stillMs: 1 });
    let published = 0;
    let isOver = false;
    const publishing = (async () => {
      while (published < 6_000) {
        const size = 1 + ((published * 7) % 13);
        feed.publish(range(published, published + size));
        published += size;
        if (published % 3 === 0) await turns(1);
      }
      isOver = true;
    })();
    const follow = async (leaveAfter: number) => {
      const ids: string[] = [];
      let after = '';
      while (!isOver || ids.at(-1) !== String(published - 1)) {
        const watcher = await watch(tail, { after });
        while (watcher.ids().length < leaveAfter && (await watcher.next())?.kind !== 'still');
        ids.push(...watcher.ids());
        after = watcher.cursor;
        await watcher.leave();
      }
      return ids;
    };
    const all = await Promise.all([7, 100, 333, 1_000].map(follow));
    await publishing;
    for (const ids of all) assert.deepEqual(ids, idsOf(range(Number(ids[0]), published)));
    assert.equal(tail.waiting.events, 0);
  });

  test('far behind: the stream is read again at the reader’s pace, and shared ground is not', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const keeper = await watch(tail, { workspaceId: 'other' });
    const begin = await watch(tail);
    await begin.leave();
    publishEach(feed, range(0, 3_000));
    await turns();
    const near = await watch(tail, { last: 500 });
    await near.until(500);
    const readsBefore = feed.reads;
    const far = await watch(tail, { after: begin.cursor });
    await far.until(3_000);
    assert.deepEqual(far.ids(), idsOf(range(0, 3_000)));
    assert.ok(feed.reads > readsBefore);
    const reads = feed.reads;
    const close = await watch(tail, { after: near.cursor });
    publishEach(feed, range(3_000, 3_001));
    await close.until(1);
    assert.equal(feed.reads, reads, 'what was read not long ago is not asked for again');
    await Promise.all([keeper.leave(), near.leave(), far.leave(), close.leave()]);
  });

  test('what has left the stream is a gap, and what is left comes behind it', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const first = await watch(tail);
    publishEach(feed, range(0, 10));
    await first.until(10);
    const cursors = first.told.flatMap((one) => (one.kind === 'events' ? one.events : []));
    await first.leave();
    feed.trim(6);
    const behind = await watch(tail, { after: cursors[2]?.cursor ?? '' });
    await behind.until(1);
    assert.deepEqual(behind.told[0]?.kind === 'gap' && behind.told[0].gap, 'trimmed');
    const resumed = behind.cursor;
    await behind.until(4);
    assert.deepEqual(behind.ids(), ['6', '7', '8', '9']);
    const untouched = await watch(tail, { after: cursors[5]?.cursor ?? '' });
    await untouched.until(4);
    assert.deepEqual([untouched.ids(), untouched.told[0]?.kind], [['6', '7', '8', '9'], 'events']);
    const afterGap = await watch(tail, { after: resumed });
    await afterGap.until(4);
    assert.deepEqual([afterGap.ids(), afterGap.told[0]?.kind], [['6', '7', '8', '9'], 'events']);
    await Promise.all([behind.leave(), untouched.leave(), afterGap.leave()]);
  });

  test('a shard that was trimmed further than another leaves holes, which are gaps', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const first = await watch(tail);
    publishEach(feed, range(0, 6));
    await first.until(6);
    await first.leave();
    feed.trim(6, 'even');
    const again = await watch(tail, { after: encodeCursor('s1', { seq: 1, index: 0 }) });
    for (let i = 0; i < 5; i++) await again.next();
    assert.deepEqual(again.ids(), ['2', '4']);
    assert.deepEqual(
      again.told.map(({ kind }) => kind),
      ['gap', 'events', 'gap', 'events', 'gap'],
    );
    await again.leave();
  });

  test('messages that are trimmed before the tail has read them are a gap for whoever is connected', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const watcher = await watch(tail);
    await turns();
    publishEach(feed, range(0, 3));
    feed.trim(2);
    await watcher.until(2);
    await watcher.until(1);
    assert.deepEqual([watcher.told.map(({ kind }) => kind), watcher.ids()], [['gap', 'events'], ['2']]);
    await watcher.leave();
  });

  test('another stream in its place: a gap, from its beginning; and who is connected is asked to come again', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const first = await watch(tail);
    publishEach(feed, range(0, 5));
    await first.until(5);
    feed.replace();
    const empty = await watch(tail, { after: first.cursor });
    publishEach(feed, range(100, 102));
    await empty.until(1);
    await empty.until(2);
    assert.deepEqual(
      [empty.told[0]?.kind === 'gap' && empty.told[0].gap, empty.ids()],
      ['replaced', ['100', '101']],
    );
    await first.until(6);
    assert.equal(first.told.at(-1)?.kind, 'end');
    await Promise.all([first.leave(), empty.leave()]);
  });
});
