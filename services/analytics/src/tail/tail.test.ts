import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldError } from '@millrace/runtime';
import { createFakeFeed, type FakeFeed, type NewEvent, tailOver, watch } from '../../test/tail.ts';
import { encodeCursor } from './cursor.ts';
import { MAX_WAITING } from './tail-reader.ts';

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const range = (from: number, to: number): NewEvent[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: String(from + i) }));
const idsOf = (events: readonly NewEvent[]) => events.map(({ id }) => id);

/** Publishes each event in a message of its own. */
function publishEach(feed: FakeFeed, events: readonly NewEvent[]): void {
  for (const event of events) feed.publish([event]);
}

describe('what is shown', () => {
  test('the events of the workspace from now on, in the stream’s order, and nobody else’s', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    feed.publish([{ id: 'before' }]);
    const [own, other] = await Promise.all([watch(tail), watch(tail, { workspaceId: 'other' })]);
    feed.publish([{ id: 'a' }, { id: 'x', workspaceId: 'other' }, { id: 'b' }]);
    feed.publish([{ id: 'c' }, { id: 'y', workspaceId: 'w2' }, { id: 'z', workspaceId: '' }]);
    await own.until(3);
    await other.until(1);
    assert.deepEqual([own.ids(), other.ids()], [['a', 'b', 'c'], ['x']]);
    await Promise.all([own.leave(), other.leave()]);
  });

  const filters: Record<string, [Parameters<typeof watch>[1], string[]]> = {
    'an exact type': [{ types: ['user.created'] }, ['1']],
    'a prefix': [{ types: ['user.*'] }, ['1', '2']],
    'several types': [{ types: ['user.deleted', 'order.*'] }, ['2', '4']],
    'every type': [{ types: ['*'] }, ['1', '2', '3', '4', 'last']],
    'a user': [{ userId: 'ada' }, ['1', '4']],
    'a user and a type': [{ userId: 'ada', types: ['order.*'] }, ['4']],
    'an expression': [{ matches: (event) => event.payload.length > 2 }, ['3']],
  };
  for (const [name, [request, expected]] of Object.entries(filters)) {
    test(`filter: ${name}`, async () => {
      const feed = createFakeFeed();
      const { tail } = tailOver(feed);
      const watcher = await watch(tail, request);
      feed.publish([
        { id: '1', type: 'user.created', userId: 'ada' },
        { id: '2', type: 'user.deleted', userId: 'bob' },
        { id: '3', type: 'user', payload: '{"a":1}' },
        { id: '4', type: 'order.paid', userId: 'ada' },
        { id: 'last', type: 'username' },
      ]);
      await watcher.until(expected.length);
      await turns();
      assert.deepEqual(watcher.ids(), expected);
      await watcher.leave();
    });
  }

  test('a filter that fails ends its own tail only', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const good = await watch(tail);
    const bad = await watch(tail, {
      matches: () => {
        throw fieldError('filter', 'divides by zero');
      },
    });
    feed.publish([{ id: 'a' }]);
    await assert.rejects(bad.until(1), { code: 'invalid_argument' });
    await good.until(1);
    await good.leave();
  });

  test('neither damaged messages and events, nor copies that come close behind', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const watcher = await watch(tail);
    feed.publish([{ id: 'a', key: 'k' }]);
    feed.publishBytes(Buffer.from('nonsense'));
    feed.publishBytes(Buffer.alloc(0));
    feed.publishBytes(Buffer.from([0x0a, 4, 0x0a, 2, 0x0a, 50]));
    feed.publish([{ id: 'a', key: 'k' }, { id: 'a', key: 'k' }, { id: 'b' }]);
    await watcher.until(2);
    assert.deepEqual(watcher.ids(), ['a', 'b']);
    const again = await watch(tail, { last: 10 });
    await again.until(2);
    assert.deepEqual(again.ids(), ['a', 'b']);
    await Promise.all([watcher.leave(), again.leave()]);
  });

  test('last: as many as were asked for of those that it would show, then what comes', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    for (let i = 0; i < 50; i++) feed.publish([{ id: `${i}a` }, { id: `${i}b`, type: 'other' }]);
    const watcher = await watch(tail, { last: 15, types: ['other'] });
    feed.publish([{ id: 'new', type: 'other' }]);
    await watcher.until(16);
    assert.deepEqual(watcher.ids(), [...Array.from({ length: 15 }, (_, i) => `${35 + i}b`), 'new']);
    const all = await watch(tail, { last: 1_000 });
    await all.until(101);
    assert.equal(all.ids().length, 101);
    await Promise.all([watcher.leave(), all.leave()]);
  });
});

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

describe('begin and end', () => {
  test('the stream is read by one reader, from the first tail to the last', async () => {
    const feed = createFakeFeed();
    const { tail, told } = tailOver(feed);
    assert.equal(feed.followers, 0);
    const watchers = await Promise.all([watch(tail), watch(tail), watch(tail, { workspaceId: 'other' })]);
    assert.deepEqual([feed.followers, told.readers], [1, 3]);
    await Promise.all(watchers.map((one) => one.leave()));
    await tail.close();
    assert.deepEqual([feed.followers, told.readers], [0, 0]);
  });

  test('silence is broken by a cursor, further than the last though nothing was shown', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed, { stillMs: 5 });
    const watcher = await watch(tail);
    const begun = watcher.cursor;
    publishEach(
      feed,
      range(0, 3).map((event) => ({ ...event, workspaceId: 'other' })),
    );
    const keeper = await watch(tail, { workspaceId: 'other', last: 3 });
    await keeper.until(3);
    await watcher.next();
    assert.notEqual(watcher.cursor, begun);
    await Promise.all([watcher.leave(), keeper.leave()]);
  });

  test('a process that goes down ends its tails, with the cursor to go on from elsewhere', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const closing = new AbortController();
    const watcher = await watch(tail, {}, closing.signal);
    publishEach(feed, range(0, 3));
    await watcher.until(3);
    closing.abort();
    await watcher.next();
    const last = watcher.told.at(-1);
    assert.deepEqual(last?.kind === 'end' && last.end, 'draining');
    assert.equal(await watcher.next(), undefined);
    const late = await watch(tail, {}, closing.signal);
    assert.equal((await late.next())?.kind, 'end');
    await late.leave();
  });

  test('as many at once as may, in all and of a workspace, and one more when one has left', async () => {
    const { tail } = tailOver(createFakeFeed(), { maxReaders: 3, maxReadersPerWorkspace: 2 });
    const [first, second] = await Promise.all([watch(tail), watch(tail)]);
    await assert.rejects(watch(tail), { code: 'resource_exhausted', message: /at most 2 tails/ });
    const third = await watch(tail, { workspaceId: 'other' });
    await assert.rejects(watch(tail, { workspaceId: 'third' }), { code: 'unavailable' });
    await first.leave();
    const fourth = await watch(tail);
    await Promise.all([second, third, fourth].map((one) => one.leave()));
  });

  test('a tail that can not begin leaves nothing behind', async () => {
    const feed = createFakeFeed();
    const { tail, told } = tailOver(feed, { maxReadersPerWorkspace: 1 });
    feed.away = true;
    await assert.rejects(watch(tail), { code: 'unavailable' });
    await assert.rejects(watch(tailOver(undefined).tail), { code: 'unavailable' });
    feed.away = false;
    await (await watch(tail)).leave();
    assert.equal(told.readers, 0);
  });

  const cursor = encodeCursor('s1', { seq: 1, index: 0 });
  const wrong: [field: string, request: Parameters<typeof watch>[1]][] = [
    ['workspace_id', { workspaceId: '' }],
    ['last', { last: 1_001 }],
    ['types', { types: [''] }],
    ['types', { types: ['x'.repeat(256)] }],
    ['types', { types: Array.from({ length: 21 }, () => 't') }],
    ['user_id', { userId: 'x'.repeat(129) }],
    ...['x', ' ', '1', `${cursor}=`, cursor.slice(1), `${cursor}A`, 'x'.repeat(10_000), 'ß'].map(
      (after): [string, Parameters<typeof watch>[1]] => ['after', { after }],
    ),
    ...['s1.1', 's1.1.1.1', 's1.-1.0', 's1.1.zzzzzzz', 's1.zzzzzzzzzzz.0', 'S1.1.0', 's1.01.0'].map(
      (text): [string, Parameters<typeof watch>[1]] => [
        'after',
        { after: Buffer.from(text).toString('base64url') },
      ],
    ),
  ];
  for (const [field, request] of wrong) {
    test(`${field} is named when it is ${JSON.stringify(request).slice(0, 60)}`, async () => {
      const { tail } = tailOver(createFakeFeed());
      await assert.rejects(watch(tail, request), (error: { code: string; details: { field: string }[] }) => {
        assert.deepEqual([error.code, error.details[0]?.field], ['invalid_argument', field]);
        return true;
      });
    });
  }
});
