import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQuerySlots } from './query-slots.ts';

const never = new AbortController().signal;
const slotsOf = (changes: Partial<Parameters<typeof createQuerySlots>[0]> = {}) =>
  createQuerySlots({ total: 3, perWorkspace: 2, waitingPerWorkspace: 2, waitMs: 60_000, ...changes });

/** Work that ends when it is told to. */
function work(name: string, log: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const start = () => {
    log.push(name);
    return promise;
  };
  return { start, end: () => resolve(name), fail: (error: Error) => reject(error) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a workspace has no more at once than it may, and others go past it', async () => {
  const slots = slotsOf();
  const started: string[] = [];
  const [a1, a2, a3, b1] = ['a1', 'a2', 'a3', 'b1'].map((name) => work(name, started));
  assert.ok(a1 && a2 && a3 && b1);
  const runs = [
    slots.run('a', a1.start, never),
    slots.run('a', a2.start, never),
    slots.run('a', a3.start, never),
  ];
  runs.push(slots.run('b', b1.start, never));
  await settle();
  assert.deepEqual(started, ['a1', 'a2', 'b1']);
  a1.end();
  await settle();
  assert.deepEqual(started, ['a1', 'a2', 'b1', 'a3']);
  for (const one of [a2, a3, b1]) one.end();
  assert.deepEqual(await Promise.all(runs), ['a1', 'a2', 'a3', 'b1']);
});

test('there are no more at once than all may have together', async () => {
  const slots = slotsOf({ total: 1 });
  const started: string[] = [];
  const first = work('first', started);
  const second = work('second', started);
  const runs = [slots.run('a', first.start, never), slots.run('b', second.start, never)];
  await settle();
  assert.deepEqual(started, ['first']);
  first.fail(new Error('failed'));
  await assert.rejects(runs[0] ?? assert.fail(), /failed/);
  await settle();
  assert.deepEqual(started, ['first', 'second']);
  second.end();
  await runs[1];
});

test('resource_exhausted: too many wait, or none gets room in time', async () => {
  const slots = slotsOf({ total: 1, waitingPerWorkspace: 1, waitMs: 1 });
  const busy = work('busy', []);
  const running = slots.run('a', busy.start, never);
  const late = slots.run('a', async () => 'late', never);
  await assert.rejects(
    slots.run('a', async () => 'more', never),
    { code: 'resource_exhausted' },
  );
  await assert.rejects(late, { code: 'resource_exhausted' });
  busy.end();
  assert.equal(await running, 'busy');
  assert.equal(await slots.run('a', async () => 'next', never), 'next');
});

test('who gives up waiting leaves its place', async () => {
  const slots = slotsOf({ total: 1, waitingPerWorkspace: 1 });
  const busy = work('busy', []);
  const running = slots.run('a', busy.start, never);
  const giveUp = new AbortController();
  const waiting = slots.run('a', async () => assert.fail('given up'), giveUp.signal);
  giveUp.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  const next = slots.run('a', async () => 'next', never);
  busy.end();
  await running;
  assert.equal(await next, 'next');
});
