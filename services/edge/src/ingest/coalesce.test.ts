import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import type { AcceptItem, AcceptResult } from '../clients/ingest.ts';
import { createCoalescer } from './coalesce.ts';

function item(id: string, bytes = 10): AcceptItem {
  return { framed: Buffer.alloc(bytes), dedupKey: '', bodyHash: '', eventId: id };
}

/** A coalescer over calls that the test answers. */
function harness() {
  let nowMs = 0;
  const calls: { ids: string[]; answer(): void; fail(error: Error): void }[] = [];
  const coalescer = createCoalescer(
    {
      accept: (items) =>
        new Promise<AcceptResult>((resolve, reject) => {
          calls.push({
            ids: items.map((one) => one.eventId),
            answer: () => resolve({ outcomes: new Uint8Array(items.length).fill(1), originalEventIds: {} }),
            fail: reject,
          });
        }),
    },
    { monotonic: () => nowMs },
  );
  return {
    calls,
    coalescer,
    add: (...ids: string[]) =>
      coalescer.add(
        ids.map((id) => item(id)),
        undefined,
      ),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    pass(ms: number) {
      nowMs += ms;
      mock.timers.tick(ms);
    },
  };
}

test('what arrives in one turn travels as one call, and each gets its own answer', async () => {
  const { add, calls, turn } = harness();
  const first = add('a');
  const second = add('b', 'c');
  await turn();
  assert.deepEqual(
    calls.map((call) => call.ids),
    [['a', 'b', 'c']],
  );
  calls[0]?.answer();
  assert.deepEqual(await first, [{ kind: 'accepted', eventId: 'a' }]);
  assert.deepEqual(
    (await second).map((one) => one.kind === 'accepted' && one.eventId),
    ['b', 'c'],
  );
});

test('four calls are under way at most; the rest gathers for the next', async () => {
  const { add, calls, turn } = harness();
  const all = [];
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
    all.push(add(id));
    await turn();
  }
  assert.deepEqual(
    calls.map((call) => call.ids),
    [['a'], ['b'], ['c'], ['d']],
  );
  calls[0]?.answer();
  await turn();
  await turn();
  assert.deepEqual(calls[4]?.ids, ['e', 'f']);
  for (const call of calls) call.answer();
  await Promise.all(all);
});

test('a failed call fails everyone in it, and nobody else', async () => {
  const { add, calls, turn } = harness();
  const first = add('a');
  await turn();
  const second = add('b');
  await turn();
  calls[0]?.fail(new MillraceError('unavailable', 'away'));
  await assert.rejects(first, { code: 'unavailable' });
  calls[1]?.answer();
  await second;
});

test('more than a call takes is cut; what was stored before a failure is told', async () => {
  const { coalescer, calls, turn } = harness();
  const large = coalescer.add(
    Array.from({ length: 1_500 }, (_, i) => item(`e${i}`)),
    undefined,
  );
  await turn();
  assert.equal(calls[0]?.ids.length, 1_000);
  calls[0]?.answer();
  await turn();
  calls[1]?.fail(new MillraceError('unavailable', 'away'));
  const outcomes = await large;
  assert.equal(outcomes.filter((one) => one.kind === 'accepted').length, 1_000);
  assert.equal(outcomes.filter((one) => one.kind === 'unavailable').length, 500);
});

test('a caller behind calls that hang is answered within 8 s of its own arrival, and not sent later', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { add, calls, pass, turn } = harness();
    const codeOf = (call: Promise<unknown>) => call.catch((error: MillraceError) => error.code);
    const hanging = [];
    for (const id of ['a', 'b', 'c', 'd']) {
      hanging.push(codeOf(add(id)));
      await turn();
    }
    pass(5_000);
    const waiting = codeOf(add('e'));
    pass(3_250);
    assert.deepEqual(await Promise.all(hanging), Array(4).fill('unavailable'));
    pass(5_000);
    assert.equal(await waiting, 'unavailable');
    for (const call of calls) call.answer();
    await turn();
    await turn();
    assert.equal(calls.length, 4);
  } finally {
    mock.timers.reset();
  }
});

test('too much waiting is refused, not queued', async () => {
  const { coalescer, calls, turn } = harness();
  const big = () => coalescer.add([item('big', 30 * 1024 * 1024)], undefined);
  const taken = [];
  for (let call = 0; call < 4; call++) {
    taken.push(big());
    await turn();
  }
  taken.push(big(), big());
  await assert.rejects(big(), { code: 'unavailable' });
  while (calls.length > 0) {
    calls.shift()?.answer();
    await turn();
    await turn();
  }
  await Promise.all(taken);
});

test('idle waits for everything', async () => {
  const { add, coalescer, calls, turn } = harness();
  const call = add('a');
  let isIdle = false;
  const idle = coalescer.idle().then(() => {
    isIdle = true;
  });
  await turn();
  assert.equal(isIdle, false);
  calls[0]?.answer();
  await Promise.all([call, idle]);
});
