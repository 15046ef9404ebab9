import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, mock, test } from 'node:test';
import {
  AnalyticsService,
  type TailEventsRequest,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { systemClock } from '../clock.ts';
import { fieldError, MillraceError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { createMetricsRegistry } from '../metrics.ts';
import type { CallContext } from './answer.ts';
import { createGrpcClient, type GrpcClient, type ServiceMethods } from './client.ts';
import { callInProcess } from './in-process.ts';
import { bindService, type GrpcServer, startGrpcServer } from './server.ts';
import { createServiceToken } from './service-token.ts';

const CALL = { timeoutMs: 10_000 };
const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
const never = new Promise<never>(() => undefined);

type Answer = (
  request: TailEventsRequest,
  context: CallContext,
) => AsyncIterable<{ cursor?: string; events?: { event: Uint8Array }[] }>;
let answer: Answer;
let asked: TailEventsRequest[];
/** Resolves when the handler has ended, however. */
let ended: PromiseWithResolvers<void>;

const binding = bindService(AnalyticsService, {
  async *tailEvents(request, context) {
    asked.push(request);
    try {
      yield* answer(request, context);
    } finally {
      ended.resolve();
    }
  },
});

let server: GrpcServer;
let client: GrpcClient<typeof AnalyticsService>;
let registry: ReturnType<typeof createMetricsRegistry>;

async function start(secret = token) {
  registry = createMetricsRegistry({ service: 'test', version: '0' });
  server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [binding],
    token,
    registry,
    tracing: { enabled: false, start: () => undefined, close: async () => undefined },
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  client = createGrpcClient(AnalyticsService, { address: `127.0.0.1:${server.port}`, token: secret });
}

const counted = async () =>
  [...(await registry.metrics()).matchAll(/requests_total\{.*method="TailEvents",code="(\w+)"\} (\d+)/g)].map(
    ([, code, count]) => `${code} ${count}`,
  );

async function read(stream: AsyncIterable<{ cursor: string }>): Promise<string[]> {
  const cursors: string[] = [];
  for await (const { cursor } of stream) cursors.push(cursor);
  return cursors;
}

beforeEach(() => {
  asked = [];
  ended = Promise.withResolvers();
});

/** What holds over a connection holds for a call in process. */
const ways: readonly (readonly [name: string, methods: () => ServiceMethods<typeof AnalyticsService>])[] = [
  ['over gRPC', () => client.methods],
  ['in process', () => callInProcess(AnalyticsService, binding)],
];

for (const [name, methods] of ways) {
  describe(name, () => {
    before(() => start());
    after(async () => {
      client.close();
      await server.close();
    });

    test('every message arrives in order, requests and answers completed with defaults', async () => {
      answer = async function* () {
        for (let i = 0; i < 1_000; i++) yield { cursor: String(i) };
        yield {};
      };
      const cursors = await read(methods().tailEvents({ workspaceId: 'w' }, CALL));
      assert.deepEqual(cursors, [...Array.from({ length: 1_000 }, (_, i) => String(i)), '']);
      assert.deepEqual([asked[0]?.workspaceId, asked[0]?.types], ['w', []]);
    });

    test('an answer may have no message', async () => {
      answer = async function* () {
        // Nothing to say.
      };
      assert.deepEqual(await read(methods().tailEvents({}, CALL)), []);
    });

    test('an error keeps its code, message and details, before the first message and behind others', async () => {
      const failAfter = async (messages: number, thrown: unknown) => {
        answer = async function* () {
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
      answer = async function* (_, { signal }) {
        signal.addEventListener('abort', () => {
          told = true;
        });
        for (let i = 0; ; i++) yield { cursor: String(i) };
      };
      for await (const { cursor } of methods().tailEvents({}, CALL)) if (cursor === '3') break;
      await ended.promise;
      assert.equal(told, true);
    });

    test('a signal ends the call: before it is made, while the next message is waited for, and between two', async () => {
      answer = async function* (_, { signal }) {
        yield { cursor: 'first' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      };
      const early = methods().tailEvents({}, { ...CALL, signal: AbortSignal.abort() });
      await assert.rejects(read(early), { code: 'canceled' });
      assert.deepEqual(asked, []);

      const waiting = new AbortController();
      const reading = async () => {
        for await (const _ of methods().tailEvents({}, { ...CALL, signal: waiting.signal })) {
          setImmediate(() => waiting.abort());
        }
      };
      await assert.rejects(reading(), { code: 'canceled' });
      await ended.promise;

      const between = new AbortController();
      const leaving = async () => {
        for await (const _ of methods().tailEvents({}, { ...CALL, signal: between.signal })) between.abort();
      };
      await assert.rejects(leaving(), { code: 'canceled' });
    });

    test('silence has its limits: until the first message, and after it where one is asked for', async () => {
      answer = () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) });
      const silent = methods().tailEvents({}, { timeoutMs: 5 });
      await assert.rejects(read(silent), { code: 'deadline_exceeded' });

      answer = async function* (_, { signal }) {
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
      answer = async function* () {
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
      await ended.promise;
    });
  });
}

test('in process: the time that the reader takes is nobody’s silence', async () => {
  answer = async function* () {
    for (const cursor of ['a', 'b', 'c']) yield { cursor };
  };
  mock.timers.enable({ apis: ['setTimeout'] });
  const cursors: string[] = [];
  const stream = callInProcess(AnalyticsService, binding).tailEvents({}, { timeoutMs: 5_000, idleMs: 1_000 });
  for await (const { cursor } of stream) {
    cursors.push(cursor);
    mock.timers.tick(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  mock.timers.reset();
  assert.deepEqual(cursors, ['a', 'b', 'c']);
});

describe('over gRPC only', () => {
  test('a stream counts once, when it is over, by how it ended', async () => {
    await start();
    answer = async function* ({ userId }) {
      yield { cursor: 'first' };
      if (userId !== '') throw new MillraceError('not_found', 'nobody');
    };
    const stream = client.methods.tailEvents({}, CALL)[Symbol.asyncIterator]();
    await stream.next();
    assert.equal((await stream.next()).done, true);
    assert.deepEqual(await counted(), ['OK 1']);
    await assert.rejects(read(client.methods.tailEvents({ userId: 'u' }, CALL)), { code: 'not_found' });
    assert.deepEqual(await counted(), ['OK 1', 'NOT_FOUND 1']);

    answer = async function* (_, { signal }) {
      yield { cursor: 'first' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    ended = Promise.withResolvers();
    for await (const _ of client.methods.tailEvents({}, CALL)) break;
    await ended.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await counted(), ['OK 1', 'NOT_FOUND 1', 'CANCELLED 1']);
    client.close();
    await server.close();
  });

  test('streams of one connection share it: none waits until another has ended', async () => {
    await start();
    const event = Buffer.alloc(64 * 1024);
    answer = async function* () {
      for (let i = 0; i < 60; i++) yield { events: [{ event }] };
    };
    const taken = Array.from({ length: 10 }, () => 0);
    let leastWhenTheFirstEnded: number | undefined;
    const take = async (index: number) => {
      for await (const _ of client.methods.tailEvents({}, CALL)) taken[index] = (taken[index] ?? 0) + 1;
      leastWhenTheFirstEnded ??= Math.min(...taken);
    };
    await Promise.all(taken.map((_, index) => take(index)));
    assert.ok(Number(leastWhenTheFirstEnded) > 10, `${leastWhenTheFirstEnded} were taken of another stream`);
    client.close();
    await server.close();
  });

  test('who has no service token is refused', async () => {
    await start(createServiceToken({ secret: 'another secret of services', clock: systemClock }));
    await assert.rejects(read(client.methods.tailEvents({}, CALL)), { code: 'unauthenticated' });
    assert.deepEqual(asked, []);
    assert.deepEqual(await counted(), ['UNAUTHENTICATED 1']);
    client.close();
    await server.close();
  });

  test('a server that closes asks its streams to end, and waits until they have', async () => {
    await start();
    answer = async function* (_, { closing }) {
      yield { cursor: 'first' };
      await new Promise((resolve) => closing.addEventListener('abort', resolve));
      yield { cursor: 'last' };
    };
    const stream = client.methods.tailEvents({}, CALL)[Symbol.asyncIterator]();
    await stream.next();
    const closed = server.close();
    const last = await stream.next();
    assert.equal(last.done ? '' : last.value.cursor, 'last');
    assert.equal((await stream.next()).done, true);
    await closed;
    client.close();
  });
});
