import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gatherQuestions } from './credentials-lookup-grpc.ts';

/** Questions that are answered when told, on a clock that is set by hand. */
function bench(options: { maxBatch?: number; maxCalls?: number } = {}) {
  const state = { nowMs: 0 };
  const calls: { questions: readonly number[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const ask = gatherQuestions<number, string>({
    ask: (questions) =>
      new Promise((resolve, reject) =>
        calls.push({ questions, answer: () => resolve(questions.map(String)), fail: reject }),
      ),
    maxBatch: options.maxBatch ?? 3,
    maxCalls: options.maxCalls ?? 2,
    clock: { now: () => state.nowMs, monotonic: () => state.nowMs },
  });
  const asked = () => calls.map(({ questions }) => questions);
  return { ask, calls, asked, state };
}

test('the questions of a turn go in one call, and each gets its own answer', async () => {
  const { ask, calls, asked } = bench();
  const answers = [ask(1), ask(2), ask(3)];
  assert.deepEqual(asked(), []);
  await turn();
  assert.deepEqual(asked(), [[1, 2, 3]]);
  calls[0]?.answer();
  assert.deepEqual(await Promise.all(answers), ['1', '2', '3']);
});

test('no call is larger and no more are under way than may be; what waits goes together', async () => {
  const { ask, calls, asked } = bench();
  const answers = [1, 2, 3, 4, 5, 6, 7, 8].map(ask);
  await turn();
  assert.deepEqual(asked(), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  answers.push(ask(9));
  await turn();
  assert.equal(calls.length, 2);
  calls[1]?.answer();
  await turn();
  await turn();
  assert.deepEqual(asked()[2], [7, 8, 9]);
  calls[0]?.answer();
  calls[2]?.answer();
  assert.deepEqual(await Promise.all(answers), [1, 2, 3, 4, 5, 6, 7, 8, 9].map(String));
});

test('a failed call fails its own questions only, and the next goes on', async () => {
  const { ask, calls } = bench({ maxBatch: 1, maxCalls: 1 });
  const first = assert.rejects(ask(1), { message: 'away' });
  const second = ask(2);
  await turn();
  calls[0]?.fail(new Error('away'));
  await first;
  await turn();
  calls[1]?.answer();
  assert.equal(await second, '2');
});

test('an answer that is missing fails the question it belongs to', async () => {
  const ask = gatherQuestions<number, string>({
    ask: async () => ['only one'],
    maxBatch: 2,
    maxCalls: 1,
    clock: { now: () => 0, monotonic: () => 0 },
  });
  const second = assert.rejects(async () => Promise.all([ask(1), ask(2)]), { code: 'internal' });
  await second;
});

test('who waited 2 s for a call is not sent any more, who came later is', async () => {
  const { ask, calls, asked, state } = bench({ maxBatch: 10, maxCalls: 1 });
  const first = ask(1);
  await turn();
  const late = assert.rejects(ask(2), { code: 'deadline_exceeded' });
  state.nowMs = 1_000;
  const third = ask(3);
  state.nowMs = 2_000;
  calls[0]?.answer();
  await late;
  assert.deepEqual(asked(), [[1], [3]]);
  calls[1]?.answer();
  assert.deepEqual(await Promise.all([first, third]), ['1', '3']);
});
