import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import {
  ServerReflection,
  ServerReflectionRequestSchema,
} from '@millrace/contracts/grpc/reflection/v1/reflection';
import { EventService, IngestStreamRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { eventually } from '@millrace/testkit';
import { HANGING_TYPE, type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';

const PATH = '/millrace.api.v1.EventService/Ingest';
const WRITER = { headers: { 'x-api-key': 'writer' } };
const JSON_HEADERS = { 'x-api-key': 'writer', 'content-type': 'application/json' };

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({ deadlines: { unaryMs: 200, streamIdleMs: 200 }, maxHealthWatchers: 2 });
});
after(() => bench.close());

async function post(body: Buffer | string, headers: Record<string, string>) {
  const response = await fetch(bench.url + PATH, { method: 'POST', headers, body });
  // Connect's errors have this shape.
  return { response, body: (await response.json()) as { code?: string } };
}

function end(session: ClientHttp2Session): Promise<unknown> {
  return new Promise<void>((resolve) => session.close(resolve));
}

function grpc() {
  return createClient(EventService, transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail());
}

test('resource_exhausted: a message over 10 MiB', async () => {
  const { body } = await post(' '.repeat(10 * 1024 * 1024 + 1), JSON_HEADERS);
  assert.equal(body.code, 'resource_exhausted');
});

test('resource_exhausted: a bomb that inflates to more than 10 MiB', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '));
  const before = process.memoryUsage().rss;
  const { body } = await post(bomb, { ...JSON_HEADERS, 'content-encoding': 'gzip' });
  assert.equal(body.code, 'resource_exhausted');
  assert.ok(process.memoryUsage().rss - before < 150 * 1024 * 1024);
});

test('invalid_argument: nesting of 100,000 levels', async () => {
  const deep = `{"events":[{"type":"t","payload":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}]}`;
  const { body } = await post(deep, JSON_HEADERS);
  assert.equal(body.code, 'invalid_argument');
});

test('unauthenticated: told before the body has arrived', async () => {
  const session = connect(bench.url);
  const stream = session.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/json' });
  stream.write('{');
  const status = await new Promise((resolve, reject) => {
    stream.on('response', (headers) => resolve(headers[':status']));
    stream.on('error', reject);
  });
  assert.equal(status, 401);
  stream.resume();
  stream.close();
  await end(session);
});

test('deadline_exceeded: a call that the store never answers', async () => {
  const call = grpc().ingest({ events: [{ type: HANGING_TYPE }] }, WRITER);
  await assert.rejects(call, (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
  await sleep(20);
  assert.ok(bench.calls.includes('millrace.api.v1.EventService Ingest DEADLINE_EXCEEDED'));
});

test('a deadline beyond the maximum is cut, not refused', async () => {
  const { results } = await grpc().ingest({ events: [{ type: 't' }] }, { ...WRITER, timeoutMs: 3_600_000 });
  assert.equal(results.length, 1);
});

test('deadline_exceeded: a stream whose caller falls silent', async () => {
  async function* messages() {
    yield create(IngestStreamRequestSchema, { events: [{ type: 't' }] });
    await sleep(5_000, undefined, { ref: false });
  }
  const call = grpc().ingestStream(messages(), WRITER);
  await assert.rejects(call, (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
});

test('deadline_exceeded, resource_exhausted: a reflection stream that is silent, or asks without end', async () => {
  const reflection = createClient(
    ServerReflection,
    transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail(),
  );
  const question = create(ServerReflectionRequestSchema, {
    messageRequest: { case: 'listServices', value: '' },
  });
  async function* silent() {
    yield question;
    await sleep(60_000, undefined, { ref: false });
  }
  async function* endless() {
    for (let i = 0; i < 1_001; i++) yield question;
  }
  for (const [questions, code] of [
    [silent(), Code.DeadlineExceeded],
    [endless(), Code.ResourceExhausted],
  ] as const) {
    const readAll = async () => {
      for await (const answer of reflection.serverReflectionInfo(questions)) assert.ok(answer);
    };
    await assert.rejects(readAll, (error) => ConnectError.from(error).code === code);
  }
});

test('an error behind the first answer of a stream is counted', async () => {
  const call = 'grpc.reflection.v1.ServerReflection ServerReflectionInfo RESOURCE_EXHAUSTED';
  await eventually(() => assert.ok(bench.calls.includes(call), bench.calls.join()));
});

test('resource_exhausted: more watchers of health than there may be, until one has gone', async () => {
  const health = createClient(Health, transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail());
  const watch = async () => {
    const controller = new AbortController();
    const answers = health.watch({ service: '' }, { signal: controller.signal })[Symbol.asyncIterator]();
    await answers.next();
    return () => {
      controller.abort();
      return answers.next().catch(() => undefined);
    };
  };
  const leave = [await watch(), await watch()];
  await assert.rejects(watch(), (error) => ConnectError.from(error).code === Code.ResourceExhausted);
  await leave.pop()?.();
  // The place of the one that has gone is free.
  leave.push(await eventually(watch));
  for (const one of leave) await one();
});

test('deadline_exceeded: a body that never ends over HTTP/2, whose stream then goes', async () => {
  const session = connect(bench.url);
  const stream = session.request({ ':method': 'POST', ':path': PATH, ...JSON_HEADERS });
  stream.write('{"events":[');
  let body = '';
  stream.setEncoding('utf8').on('data', (text) => (body += text));
  await new Promise((resolve) => stream.on('close', resolve));
  assert.match(body, /"code":"deadline_exceeded"/);
  await end(session);
});

test('an unusable host or authority harms nobody else', async () => {
  const session = connect(bench.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    ':authority': 'a b:c',
    ...JSON_HEADERS,
  });
  stream.end('{}');
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.on('close', resolve).resume());
  await end(session);
  const { response } = await post('{"events":[{"type":"t"}]}', JSON_HEADERS);
  assert.equal(response.status, 200);
});

test('the request id is echoed', async () => {
  const { response } = await post('{"events":[{"type":"t"}]}', { ...JSON_HEADERS, 'x-request-id': 'abc' });
  assert.equal(response.headers.get('x-request-id'), 'abc');
});
