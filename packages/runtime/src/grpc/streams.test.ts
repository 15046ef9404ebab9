import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, mock, test } from 'node:test';
import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { CALL, createStreamBench, read } from '../../test/stream-bench.ts';
import { fieldError, MillraceError } from '../errors.ts';
import type { ServiceMethods } from './client.ts';
import { callInProcess } from './in-process.ts';
import { bindService } from './server.ts';

const never = new Promise<never>(() => undefined);
const bench = createStreamBench();
let running: Awaited<ReturnType<typeof bench.start>>;

beforeEach(() => {
  bench.asked = [];
  bench.ended = Promise.withResolvers();
});

/** What holds over a connection holds for a call in process. */
const ways: readonly (readonly [name: string, methods: () => ServiceMethods<typeof AnalyticsService>])[] = [
  ['over gRPC', () => running.methods],
  ['in process', () => callInProcess(AnalyticsService, bench.binding)],
];

for (const [name, methods] of ways) {
  describe(name, () => {
    before(async () => {
      running = await bench.start();
    });
    after(() => running.close());

    test('every message arrives in order, requests and answers completed with defaults', async () => {
      bench.answer = async function* () {
        for (let i = 0; i < 1_000; i++) yield { cursor: String(i) };
        yield {};
      };
      const cursors = await read(methods().tailEvents({ workspaceId: 'w' }, CALL));
      assert.deepEqual(cursors, [...Array.from({ length: 1_000 }, (_, i) => String(i)), '']);
      assert.deepEqual([bench.asked[0]?.workspaceId, bench.asked[0]?.types], ['w', []]);
    });

    test('an answer may have no message', async () => {
      bench.answer = async function* () {
        // Nothing to say.
      };
      assert.deepEqual(await read(methods().tailEvents({}, CALL)), []);
    });

    test('an error keeps its code, message and details, before the first message and behind others', async () => {
      const failAfter = async (messages: number, thrown: unknown) => {
        bench.answer = async function* () {
          for (let i = 0; i < messages; i++) yield { cursor: String(i) };
          throw thrown;
        };
        const error = await read(methods().tailEvents({}, CALL)).catch((caught: unknown) => caught);
        assert.ok(error instanceof MillraceError);
        return error;
      };
      for (const messages of [0, 1, 50]) {
        const error = await failAfter(messages, fieldError('after', 'is no cursor'));
        assert.deepEqual([error.code, error.message], ['invalid_argument', 'after: is no cursor']);
        assert.deepEqual(error.details, [{ field: 'after', issue: 'is no cursor' }]);
      }
      const unforeseen = await failAfter(1, new TypeError('a secret'));
      assert.deepEqual([unforeseen.code, unforeseen.message], ['internal', 'internal error']);
    });

    test('what the handler lacks is unimplemented', async () => {
      const bare = callInProcess(AnalyticsService, bindService(AnalyticsService, {}));
      await assert.rejects(read(bare.tailEvents({}, CALL)), { code: 'unimplemented' });
    });

    test('the reader leaves: the handler is told, and ends', async () => {
      let told = false;
      bench.answer = async function* (_, { signal }) {
        signal.addEventListener('abort', () => {
          told = true;
        });
        for (let i = 0; ; i++) yield { cursor: String(i) };
      };
      for await (const { cursor } of methods().tailEvents({}, CALL)) if (cursor === '3') break;
      await bench.ended.promise;
      assert.equal(told, true);
    });

    test('a signal ends the call: before it is made, while the next message is waited for, and between two', async () => {
      bench.answer = async function* (_, { signal }) {
        yield { cursor: 'first' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      };
      const early = methods().tailEvents({}, { ...CALL, signal: AbortSignal.abort() });
      await assert.rejects(read(early), { code: 'canceled' });
      assert.deepEqual(bench.asked, []);

      const waiting = new AbortController();
      const reading = async () => {
        for await (const _ of methods().tailEvents({}, { ...CALL, signal: waiting.signal })) {
          setImmediate(() => waiting.abort());
        }
      };
      await assert.rejects(reading(), { code: 'canceled' });
      await bench.ended.promise;

      const between = new AbortController();
      const leaving = async () => {
        for await (const _ of methods().tailEvents({}, { ...CALL, signal: between.signal })) between.abort();
      };
      await assert.rejects(leaving(), { code: 'canceled' });
    });

    test('silence has its limits: until the first message, and after it where one is bench.asked for', async () => {
      bench.answer = () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) });
      const silent = methods().tailEvents({}, { timeoutMs: 5 });
      await assert.rejects(read(silent), { code: 'deadline_exceeded' });

      bench.answer = async function* (_, { signal }) {
        yield { cursor: 'first' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      };
      await assert.rejects(read(methods().tailEvents({}, { ...CALL, idleMs: 5 })), {
        code: 'deadline_exceeded',
      });
    });

    test('a reader that stops makes the handler stop', async () => {
      const event = Buffer.alloc(64 * 1024);
      let made = 0;
      bench.answer = async function* () {
        for (; made < 10_000; made++) yield { events: [{ event }] };
      };
      const stream = methods().tailEvents({}, CALL)[Symbol.asyncIterator]();
      for (let taken = 1; taken <= 20; taken++) {
        await stream.next();
        // As long as it is still making messages for a reader who takes none.
        for (let before = -1; before !== made; ) {
          before = made;
          for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
        // In hand, in the window of HTTP/2, and in sockets: under two dozen of 64 KiB, of sixteen more none.
        assert.ok(made <= taken + 8, `${made} made when ${taken} were taken`);
      }
      await stream.return?.();
      await bench.ended.promise;
    });
  });
}

test('in process: the time that the reader takes is nobody’s silence', async () => {
  bench.answer = async function* () {
    for (const cursor of ['a', 'b', 'c']) yield { cursor };
  };
  mock.timers.enable({ apis: ['setTimeout'] });
  const cursors: string[] = [];
  const stream = callInProcess(AnalyticsService, bench.binding).tailEvents(
    {},
    { timeoutMs: 5_000, idleMs: 1_000 },
  );
  for await (const { cursor } of stream) {
    cursors.push(cursor);
    mock.timers.tick(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  mock.timers.reset();
  assert.deepEqual(cursors, ['a', 'b', 'c']);
});
