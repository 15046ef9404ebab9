import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeFeed, tailOver, watch } from '../../test/tail.ts';
import { answerTail } from './answer.ts';

describe('readers of the same', () => {
  test('are asked about once for each event, however their types are written', async () => {
    const feed = createFakeFeed();
    let asked = 0;
    const isErased = () => {
      asked++;
      return false;
    };
    const { tail } = tailOver(feed, { isErased });
    const wishes = [
      ['a.*', 'b'],
      ['b', 'a.*'],
      ['b', 'a.*', 'b'],
    ];
    const same = await Promise.all(
      Array.from({ length: 30 }, (_, i) => watch(tail, { types: wishes[i % 3] ?? [] })),
    );
    feed.publish([
      { id: '1', type: 'a.x' },
      { id: '2', type: 'b' },
      { id: '3', type: 'c' },
    ]);
    for (const one of same) await one.until(2);
    assert.equal(asked, 2);
    for (const one of same) assert.deepEqual(one.ids(), ['1', '2']);
    await Promise.all(same.map((one) => one.leave()));
  });

  test('go on when the first of them leaves; another wish, user or expression is another’s', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const matching = (id: string) => ({
      types: ['b'],
      matches: ({ eventId }: { eventId: string }) => eventId === id,
    });
    const [first, second, ofUser, ofBoth, one, two] = await Promise.all([
      watch(tail, { types: ['b'] }),
      watch(tail, { types: ['b'] }),
      watch(tail, { userId: 'b' }),
      watch(tail, { userId: 'b', types: ['b'] }),
      watch(tail, matching('1')),
      watch(tail, matching('2')),
    ]);
    await first.leave();
    feed.publish([
      { id: '1', type: 'b', userId: 'b' },
      { id: '2', type: 'b' },
      { id: '3', type: 'c', userId: 'b' },
    ]);
    const expected: [typeof second, string[]][] = [
      [second, ['1', '2']],
      [ofUser, ['1', '3']],
      [ofBoth, ['1']],
      [one, ['1']],
      [two, ['2']],
    ];
    for (const [watcher, ids] of expected) {
      await watcher.until(ids.length);
      assert.deepEqual(watcher.ids(), ids);
    }
    await Promise.all(expected.map(([watcher]) => watcher.leave()));
  });

  test('are told the same objects', async () => {
    const feed = createFakeFeed();
    const { tail } = tailOver(feed);
    const over = new AbortController();
    const request = { workspaceId: 'w', types: ['a'], userId: '', after: '', last: 0 };
    const open = async (types: string[]) => {
      const answers = answerTail(
        tail,
        { $typeName: 'millrace.analytics.v1.TailEventsRequest', ...request, types },
        {
          signal: over.signal,
          closing: over.signal,
        },
      );
      await answers.next();
      return answers;
    };
    const [a, b] = [await open(['a']), await open([])];
    feed.publish([{ id: '1', type: 'a' }]);
    const [toA, toB] = await Promise.all([a.next(), b.next()]);
    assert.ok(!toA.done && !toB.done && toA.value.events?.[0] !== undefined);
    assert.equal(toA.value.events[0], toB.value.events?.[0]);
    over.abort();
    await Promise.all([a.return(undefined), b.return(undefined)]);
  });
});
