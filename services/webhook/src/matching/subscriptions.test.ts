import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRandom } from '../../test/random.ts';
import { createSubscriptions, type Subscriber, type TypedEvent } from './subscriptions.ts';

const subscriber = (
  id: string,
  events: readonly string[],
  more: Partial<Subscriber<TypedEvent>> = {},
): Subscriber<TypedEvent> => ({ id, workspaceId: 'w', events, accepts: () => true, ...more });

const subscriptionsOf = (...subscribers: Subscriber<TypedEvent>[]) => {
  const subscriptions = createSubscriptions<Subscriber<TypedEvent>, TypedEvent>();
  for (const one of subscribers) subscriptions.set(one);
  return subscriptions;
};
const ids = (found: readonly Subscriber<TypedEvent>[]) => found.map(({ id }) => id).toSorted();

test('a type is found by itself, by each of its prefixes and by everything', () => {
  const subscriptions = subscriptionsOf(
    subscriber('all', ['*']),
    subscriber('exact', ['order.paid.eu']),
    subscriber('near', ['order.paid.*']),
    subscriber('far', ['order.*']),
    subscriber('other', ['order.paid', 'order', 'orders.*', 'order.paid.eu.*']),
  );
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'order.paid.eu' })), [
    'all',
    'exact',
    'far',
    'near',
  ]);
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'order' })), ['all', 'other']);
});

test('whoever subscribes to a type in several ways is found once', () => {
  const patterns = ['order.paid', 'order.*', 'order.paid', '*'];
  const subscriptions = subscriptionsOf(
    subscriber('some', patterns.slice(0, 3)),
    subscriber('all', patterns),
    subscriber('literally', ['order.*']),
  );
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'order.paid' })), [
    'all',
    'literally',
    'some',
  ]);
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'order.*' })), ['all', 'literally', 'some']);
});

test('only those are asked whether they accept an event who subscribe to its type', () => {
  const asked: string[] = [];
  const picky = (id: string, pattern: string, accepts: boolean) =>
    subscriber(id, [pattern], {
      accepts: ({ eventType }) => {
        asked.push(`${id} ${eventType}`);
        return accepts;
      },
    });
  const subscriptions = subscriptionsOf(
    picky('yes', 'a', true),
    picky('no', 'a', false),
    picky('lonely', 'a.*', false),
    picky('elsewhere', 'b', true),
  );
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'a' })), ['yes']);
  assert.deepEqual(ids(subscriptions.matching('w', { eventType: 'a.b' })), []);
  assert.deepEqual(asked, ['yes a', 'no a', 'lonely a.b']);
});

test('a workspace without subscribers has none, and no names of an object’s own', () => {
  const subscriptions = subscriptionsOf(subscriber('one', ['constructor']));
  assert.deepEqual(
    [subscriptions.has('w'), subscriptions.has('other'), subscriptions.has('__proto__')],
    [true, false, false],
  );
  assert.deepEqual(subscriptions.matching('other', { eventType: 'constructor' }), []);
  assert.deepEqual(subscriptions.matching('w', { eventType: '__proto__' }), []);
  assert.equal(subscriptions.delete('one'), true);
  assert.equal(subscriptions.delete('one'), false);
  assert.deepEqual([subscriptions.has('w'), subscriptions.size], [false, 0]);
});

test('one that moves to another workspace leaves its old one', () => {
  const subscriptions = subscriptionsOf(subscriber('one', ['*']));
  subscriptions.set(subscriber('one', ['*'], { workspaceId: 'v' }));
  assert.deepEqual([subscriptions.has('w'), subscriptions.size], [false, 1]);
  assert.deepEqual(ids(subscriptions.matching('v', { eventType: 'a' })), ['one']);
});

test('however subscribers come, change and go, those are found whose patterns match', () => {
  const random = createRandom(7);
  const name = () =>
    Array.from({ length: 1 + random.below(3) }, () => random.pick(['a', 'b', 'c'])).join('.');
  const pattern = () => random.pick([name(), `${name()}.*`, name(), '*']);
  const lets = (one: string, type: string) =>
    one === '*' || one === type || (one.endsWith('.*') && type.startsWith(one.slice(0, -1)));
  const subscriptions = subscriptionsOf();
  const model = new Map<string, Subscriber<TypedEvent>>();
  for (let step = 0; step < 20_000; step++) {
    const id = String(random.below(40));
    if (random.below(3) === 0) {
      assert.equal(subscriptions.delete(id), model.delete(id));
    } else {
      const one = subscriber(id, Array.from({ length: 1 + random.below(4) }, pattern), {
        workspaceId: random.pick(['v', 'w']),
        accepts: ({ eventType }) => !eventType.endsWith('.c'),
      });
      subscriptions.set(one);
      model.set(id, one);
    }
    const [workspaceId, eventType] = [random.pick(['v', 'w']), name()];
    const expected = [...model.values()].filter(
      (one) =>
        one.workspaceId === workspaceId &&
        one.events.some((each) => lets(each, eventType)) &&
        one.accepts({ eventType }),
    );
    assert.deepEqual(ids(subscriptions.matching(workspaceId, { eventType })), ids(expected));
    assert.equal(subscriptions.size, model.size);
    assert.equal(subscriptions.get(id), model.get(id));
  }
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that an index holds for each of its subscribers, theirs left out. */
function bytesEach(subscribers: readonly Subscriber<TypedEvent>[], kept: unknown[]): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const subscriptions = subscriptionsOf(...subscribers);
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  kept.push(subscriptions);
  return bytes / subscribers.length;
}

test('ten thousand endpoints of one workspace, or of as many, take some hundred bytes each', (t) => {
  const count = 10_000;
  const shapes: Record<string, (i: number) => Subscriber<TypedEvent>> = {
    'one workspace, a type each': (i) => subscriber(`e${i}`, [`type.${i}`]),
    'one workspace, the same prefix': (i) => subscriber(`e${i}`, ['type.*']),
    'a workspace each': (i) => subscriber(`e${i}`, ['order.*'], { workspaceId: `w${i}` }),
  };
  const kept: unknown[] = [];
  for (const [shape, make] of Object.entries(shapes)) {
    const subscribers = Array.from({ length: count }, (_, i) => make(i));
    // The first one brings what every later one has already.
    const [, bytes = 0] = [bytesEach(subscribers, kept), bytesEach(subscribers, kept)];
    t.diagnostic(`${shape}: ${bytes.toFixed(0)} bytes`);
    assert.ok(bytes > 0 && bytes < 400, `${shape}: ${bytes} bytes`);
  }
});
