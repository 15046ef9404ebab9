import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CALL, createStreamBench, read } from '../../test/stream-bench.ts';
import { systemClock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { createServiceToken } from './service-token.ts';

const bench = createStreamBench();
beforeEach(() => {
  bench.asked = [];
  bench.ended = Promise.withResolvers();
});

describe('streams over gRPC', () => {
  test('a stream counts once, when it is over, by how it ended', async () => {
    const running = await bench.start();
    bench.answer = async function* ({ userId }) {
      yield { cursor: 'first' };
      if (userId !== '') throw new MillraceError('not_found', 'nobody');
    };
    const stream = running.methods.tailEvents({}, CALL)[Symbol.asyncIterator]();
    await stream.next();
    assert.equal((await stream.next()).done, true);
    assert.deepEqual(await running.counted(), ['OK 1']);
    await assert.rejects(read(running.methods.tailEvents({ userId: 'u' }, CALL)), { code: 'not_found' });
    assert.deepEqual(await running.counted(), ['OK 1', 'NOT_FOUND 1']);

    bench.answer = async function* (_, { signal }) {
      yield { cursor: 'first' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    bench.ended = Promise.withResolvers();
    for await (const _ of running.methods.tailEvents({}, CALL)) break;
    await bench.ended.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await running.counted(), ['OK 1', 'NOT_FOUND 1', 'CANCELLED 1']);
    await running.close();
  });

  test('streams of one connection share it: none waits until another has ended', async () => {
    const running = await bench.start();
    const event = Buffer.alloc(64 * 1024);
    bench.answer = async function* () {
      for (let i = 0; i < 60; i++) yield { events: [{ event }] };
    };
    const taken = Array.from({ length: 10 }, () => 0);
    let leastWhenTheFirstEnded: number | undefined;
    const take = async (index: number) => {
      for await (const _ of running.methods.tailEvents({}, CALL)) taken[index] = (taken[index] ?? 0) + 1;
      leastWhenTheFirstEnded ??= Math.min(...taken);
    };
    await Promise.all(taken.map((_, index) => take(index)));
    assert.ok(Number(leastWhenTheFirstEnded) > 10, `${leastWhenTheFirstEnded} were taken of another stream`);
    await running.close();
  });

  test('who has no service token is refused', async () => {
    const secret = 'another secret of services';
    const running = await bench.start(createServiceToken({ secret, clock: systemClock }));
    await assert.rejects(read(running.methods.tailEvents({}, CALL)), { code: 'unauthenticated' });
    assert.deepEqual(bench.asked, []);
    assert.deepEqual(await running.counted(), ['UNAUTHENTICATED 1']);
    await running.close();
  });

  test('a server that closes asks its streams to end, and waits until they have', async () => {
    const running = await bench.start();
    bench.answer = async function* (_, { closing }) {
      yield { cursor: 'first' };
      await new Promise((resolve) => closing.addEventListener('abort', resolve));
      yield { cursor: 'last' };
    };
    const stream = running.methods.tailEvents({}, CALL)[Symbol.asyncIterator]();
    await stream.next();
    const closed = running.server.close();
    const last = await stream.next();
    assert.equal(last.done ? '' : last.value.cursor, 'last');
    assert.equal((await stream.next()).done, true);
    await closed;
    running.leave();
  });
});
