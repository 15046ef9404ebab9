import assert from 'node:assert/strict';
import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import { EventService, IngestStreamRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { HANGING_TYPE, type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import { createBodyBudget } from '../server/request-body.ts';

const PATH = '/millrace.api.v1.EventService/Ingest';
const STREAM_PATH = '/millrace.api.v1.EventService/IngestStream';
const WATCH_PATH = '/grpc.health.v1.Health/Watch';
const WRITER = { headers: { 'x-api-key': 'writer' } };
const BUDGET_BYTES = 100_000;
/** The content types of unary calls. */
const UNARY = ['application/json', 'application/proto', 'application/grpc', 'application/grpc-web+proto'];
/** An envelope that promises 90,000 bytes, and some of them. */
const PART = Buffer.concat([Buffer.from([0, 0, 1, 0x5f, 0x90]), Buffer.alloc(1_000)]);
/** An envelope that promises 4,000 bytes. */
const SHORT = Buffer.from([0, 0, 0, 0x0f, 0xa0]);

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench(
    {
      deadlines: { unaryMs: 200, streamIdleMs: 200, answerMs: 100 },
      bodies: createBodyBudget(BUDGET_BYTES),
    },
    { headMs: 1_000, lingerMs: 60, checkMs: 20 },
  );
});
after(() => bench.close());
beforeEach(() => assert.equal(bench.bodies.used(), 0));

function closed(what: ClientHttp2Stream | Socket): Promise<void> {
  what.on('error', () => undefined);
  return new Promise((resolve) => what.once('close', () => resolve()));
}

async function isFree(): Promise<void> {
  for (let tries = 0; bench.bodies.used() > 0 && tries < 1_000; tries++) await sleep(5);
  assert.equal(bench.bodies.used(), 0);
}

/** What an HTTP/2 stream that is never ended is answered. */
async function stalled(path: string, contentType: string, part: Buffer): Promise<string> {
  const session = connectHttp2(bench.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': contentType,
    'x-api-key': 'writer',
  });
  let answer = '';
  stream.on('response', (headers) => (answer += JSON.stringify(headers)));
  stream.on('trailers', (headers) => (answer += JSON.stringify(headers)));
  stream.on('data', (bytes) => (answer += bytes));
  stream.write(part);
  const drip = setInterval(() => stream.writable && stream.write('\0'), 20);
  await closed(stream);
  clearInterval(drip);
  session.destroy();
  return answer;
}

/** The same over HTTP/1.1. */
async function stalledHttp1(path: string, contentType: string, part: Buffer): Promise<string> {
  const [, port] = bench.url.split('127.0.0.1:');
  const socket = connect(Number(port), '127.0.0.1');
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    `Content-Type: ${contentType}`,
    'X-API-Key: writer',
    'Content-Length: 90005',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(part);
  let answer = '';
  socket.on('data', (bytes) => (answer += bytes));
  await closed(socket);
  return answer;
}

/** `deadline_exceeded`, as each protocol says it. */
const TOO_LATE = /deadline_exceeded|grpc-status"?: ?"?4/;

for (const type of UNARY) {
  test(`deadline_exceeded: a body that stalls or drips, ${type}`, async () => {
    assert.match(await stalled(PATH, type, PART), TOO_LATE);
    if (type !== 'application/grpc') assert.match(await stalledHttp1(PATH, type, PART), TOO_LATE);
    await isFree();
  });
}

for (const type of ['application/connect+proto', 'application/grpc', 'application/grpc-web+proto']) {
  test(`deadline_exceeded: a stream that is opened and silent, or whose message drips, ${type}`, async () => {
    assert.match(await stalled(STREAM_PATH, type, PART), TOO_LATE);
    assert.match(await stalled(WATCH_PATH, type, SHORT), TOO_LATE);
    await isFree();
  });
}

test('unavailable: what is received, or inflates, beyond the budget of all bodies', async () => {
  const text = JSON.stringify({ events: [{ type: 't', payload: { a: 'x'.repeat(2 * BUDGET_BYTES) } }] });
  for (const encoding of ['identity', 'gzip']) {
    const body = encoding === 'gzip' ? gzipSync(text) : text;
    const response = await fetch(bench.url + PATH, {
      method: 'POST',
      headers: { ...WRITER.headers, 'content-type': 'application/json', 'content-encoding': encoding },
      body,
    });
    assert.equal(response.status, 503, encoding);
    assert.equal(response.headers.get('retry-after'), '1');
    await isFree();
  }
});

for (const name of Object.keys(transportsTo('http://unused'))) {
  test(`unavailable, then accepted: bodies of others take the budget, ${name}`, async () => {
    const client = createClient(EventService, transportsTo(bench.url)[name] ?? assert.fail());
    assert.ok(bench.bodies.take(BUDGET_BYTES - 10));
    await assert.rejects(
      client.ingest({ events: [{ type: 'long'.repeat(10) }] }, WRITER),
      (error) => ConnectError.from(error).code === Code.Unavailable,
    );
    bench.bodies.give(BUDGET_BYTES - 10);
    const { results } = await client.ingest({ events: [{ type: 't' }] }, WRITER);
    assert.equal(results.length, 1);
    await isFree();
  });
}

test('a stream may bring more than the budget, if not at once; what is worked on counts', async () => {
  const client = createClient(EventService, transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail());
  const message = (type: string) =>
    create(IngestStreamRequestSchema, {
      events: [{ type, data: { case: 'payload', value: { a: 'x'.repeat(10_000) } } }],
    });
  async function* messages(type: string) {
    for (let i = 0; i < 50; i++) {
      yield message(type);
      await sleep(1);
    }
  }
  const { results } = await client.ingestStream(messages('t'), WRITER);
  assert.equal(results.length, 50);
  await isFree();
  await assert.rejects(
    client.ingestStream(messages(HANGING_TYPE), WRITER),
    (error) => ConnectError.from(error).code === Code.Unavailable,
  );
  await isFree();
});

test('resource_exhausted: more than 4 KiB to a method that anybody may call', async () => {
  for (const transport of Object.values(transportsTo(bench.url))) {
    const call = createClient(Health, transport).check({ service: 'x'.repeat(5_000) });
    await assert.rejects(call, (error) => ConnectError.from(error).code === Code.ResourceExhausted);
  }
});
