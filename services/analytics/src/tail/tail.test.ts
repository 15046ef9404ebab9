import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { compileEventFilter } from '@millrace/wire';
import { createFakeFeed, tailOver, watch } from '../../test/tail.ts';
import { publishEach, range, turns } from '../../test/tail-events.ts';
import { encodeCursor } from './cursor.ts';

const filterOf = (json: JsonValue) => compileEventFilter(fromJson(FilterSchema, json));

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
    'an expression': [
      { matches: filterOf({ comparison: { field: 'payload.a', range: { gte: 1 } } }) },
      ['3'],
    ],
    'an expression, a user and a type': [
      {
        userId: 'ada',
        types: ['user.*'],
        matches: filterOf({ not: { comparison: { field: 'type', contains: 'paid' } } }),
      },
      ['1'],
    ],
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
