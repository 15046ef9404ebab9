import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { publicRoute, startHttpBench } from '../../test/http-bench.ts';
import { createBodyBudget } from './request-body.ts';

let bench: Awaited<ReturnType<typeof startHttpBench>>;
let entered = Promise.withResolvers<void>();
let over = Promise.withResolvers<void>();
const spans: (string | undefined)[] = [];
const LIMIT_BYTES = 10_000_000;

before(async () => {
  bench = await startHttpBench(
    [
      publicRoute('POST', '/hang', async (exchange) => {
        await exchange.body(LIMIT_BYTES);
        entered.resolve();
        await new Promise(() => undefined);
      }),
      publicRoute('POST', '/length', async (exchange) => {
        exchange.reply({ status: 200, body: String((await exchange.body(LIMIT_BYTES)).length) });
      }),
      publicRoute('POST', '/wait', async (exchange) => {
        entered.resolve();
        await exchange.body(LIMIT_BYTES);
      }),
    ],
    {
      tracing: {
        enabled: true,
        start: () => ({
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          end(failure?: string) {
            spans.push(failure);
            over.resolve();
          },
        }),
        close: async () => undefined,
      },
    },
  );
});
after(() => bench.close());
beforeEach(() => {
  entered = Promise.withResolvers();
  over = Promise.withResolvers();
  spans.length = 0;
  bench.answered.length = 0;
});

test('499: a client that leaves before its answer is counted, its span ends, its memory is free', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  socket.write('POST /hang HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc');
  await entered.promise;
  assert.equal(bench.reserved(), 3);
  socket.destroy();
  await over.promise;
  assert.deepEqual(bench.answered, ['POST /hang 499']);
  assert.deepEqual(spans, ['client left']);
  assert.equal(bench.reserved(), 0);
});

test('499: over HTTP/2', async () => {
  const session = connectHttp2(bench.url);
  const stream = session.request({ ':method': 'POST', ':path': '/hang' });
  stream.on('error', () => undefined);
  stream.end('abc');
  await entered.promise;
  stream.close(8);
  await over.promise;
  assert.deepEqual(bench.answered, ['POST /hang 499']);
  assert.equal(bench.reserved(), 0);
  session.destroy();
});

test('499: a client that leaves within its body', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  socket.write('POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nabc');
  await entered.promise;
  socket.destroy();
  await over.promise;
  assert.deepEqual(bench.answered, ['POST /wait 499']);
  assert.equal(bench.reserved(), 0);
});

test('503: more than the budget of all bodies, received or inflated; it is given back', async () => {
  const post = (body: Buffer, headers = {}) =>
    fetch(`${bench.url}/length`, { method: 'POST', body: new Uint8Array(body), headers });
  const gzip = { 'content-encoding': 'gzip' };
  assert.equal((await post(Buffer.alloc(1_200_000))).status, 503);
  assert.equal((await post(gzipSync(Buffer.alloc(1_200_000)), gzip)).status, 503);
  assert.equal((await post(gzipSync(Buffer.from('x'.repeat(1_000))), gzip)).status, 200);
  assert.equal(await (await post(Buffer.alloc(900_000))).text(), '900000');

  const socket = connect(bench.port, '127.0.0.1');
  socket.write(`POST /hang HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(900_000)}`);
  await entered.promise;
  assert.equal((await post(Buffer.alloc(200_000))).status, 503);
  over = Promise.withResolvers();
  socket.destroy();
  await over.promise;
  assert.equal(bench.reserved(), 0);
  assert.equal((await post(Buffer.alloc(200_000))).status, 200);
});

test('a budget never gives what it has not', () => {
  const budget = createBodyBudget(10);
  assert.equal(budget.take(11), false);
  assert.equal(budget.take(10), true);
  assert.equal(budget.take(1), false);
  budget.give(10);
  assert.equal(budget.take(10), true);
});
