import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { planStandalone, type ServiceSpec, type Stack, startStack } from '@millrace/embedded';
import { eventually, hermeticEnvironment, httpCall } from '@millrace/testkit';

const CLIENTS = 200;
/** With a key 600 clients send as much, which is less than MAX_BODY_BYTES_IN_MEMORY together. */
const BODY = Buffer.alloc(256 * 1024, ' ');
const RPC_PATH = '/millrace.api.v1.EventService/Ingest';
const REST_PATH = '/v1/ingest';
/** What memory may become, of what it was: garbage is collected when there is a need. */
const MEMORY_RATIO = 3;
const OTHERS = 200;

let dataDir = '';
let stack: Stack;
let plan: ServiceSpec[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-stalled-'));
  stack = await startStack({
    dataDir,
    port: 0,
    adminPort: 0,
    split: false,
    services: async (options) => {
      plan = await planStandalone(options);
      return plan;
    },
    env: hermeticEnvironment({}),
    log: () => undefined,
  });
});
after(async () => {
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

test(`${6 * CLIENTS} stalled clients end by themselves, harm nobody, and leave no memory behind`, async (t) => {
  const { credentials } = stack.connection;
  await others();
  const alone = await others();
  const before = await memory();
  let isEnded = false;
  const stalled = [undefined, credentials.apiKey].flatMap((key) =>
    [overSockets, overH2c, overGrpc].map((open) => Promise.all(open(key))),
  );
  // Strangers are refused at once; whoever has a key is waited for.
  const keyed = stalled.slice(3);
  for (const kind of keyed) void kind.then(() => (isEnded = true));
  await eventually(async () => assert.ok((await memory()).bodies > CLIENTS * BODY.length), {
    timeoutMs: 25_000,
  });
  const during = await memory();
  const beside = await others();
  assert.ok(!isEnded, 'the others wait for none that stalls');

  const [socketsAnonymous, h2cAnonymous, grpcAnonymous, sockets, h2c, grpc] = await Promise.all(stalled);
  assert.deepEqual(tally(socketsAnonymous), { 401: CLIENTS });
  assert.deepEqual(tally(h2cAnonymous), { 401: CLIENTS });
  assert.deepEqual(tally(grpcAnonymous), { 'grpc 16': CLIENTS });
  assert.deepEqual(tally(sockets), { 408: CLIENTS });
  assert.deepEqual(tally(h2c), { 408: CLIENTS });
  assert.deepEqual(tally(grpc), { 'grpc 4': CLIENTS });

  await eventually(async () => assert.equal((await memory()).bodies, 0));
  await others();
  const settled = await memory();
  t.diagnostic(`memory before ${say(before)}; during ${say(during)}; after ${say(settled)}`);
  t.diagnostic(
    `p99 of others: alone ${alone.toFixed(1)} ms, beside the stalled ${beside.toFixed(1)} ms, ratio ${(beside / alone).toFixed(2)}`,
  );
  assert.ok(settled.rss < before.rss * MEMORY_RATIO, say(settled));
});

/** Posts events one by one, all of which are accepted; the 99th percentile of their times, in milliseconds. */
async function others(): Promise<number> {
  const { url, credentials } = stack.connection;
  const times: number[] = [];
  for (let i = 0; i < OTHERS; i++) {
    const began = performance.now();
    const answer = await httpCall(url + REST_PATH, {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credentials.apiKey}` },
      body: JSON.stringify({ type: 'beside', payload: { i } }),
    });
    assert.equal(answer.status, 202, answer.text);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(OTHERS * 0.99)] ?? 0;
}

function overSockets(key: string | undefined): Promise<string>[] {
  const { port } = new URL(stack.connection.url);
  const head = [
    `POST ${REST_PATH} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${BODY.length + 1}`,
    ...(key === undefined ? [] : [`Authorization: Bearer ${key}`]),
  ];
  return Array.from({ length: CLIENTS }, () => {
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.on('error', () => undefined);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(BODY);
    return new Promise((resolve) =>
      socket.once('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none')),
    );
  });
}

function overH2c(key: string | undefined): Promise<string>[] {
  return overHttp2(REST_PATH, 'application/json', key, BODY);
}

function overGrpc(key: string | undefined): Promise<string>[] {
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(BODY.length + 1, 1);
  return overHttp2(RPC_PATH, 'application/grpc', key, Buffer.concat([envelope, BODY]));
}

/** Streams of one connection, which goes with the last of them. */
function overHttp2(path: string, type: string, key: string | undefined, body: Buffer): Promise<string>[] {
  // Node's client, too, gives up streams when what waits to be sent is above its bound.
  const session = connectHttp2(stack.connection.url, { maxSessionMemory: 1_000 });
  session.on('error', () => undefined);
  const ends = Array.from({ length: CLIENTS }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': type,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    });
    let outcome = 'none';
    const look = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] !== undefined) outcome = `grpc ${headers['grpc-status']}`;
      else if (type !== 'application/grpc') outcome = String(headers[':status']);
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.on('error', () => undefined);
    stream.resume();
    stream.write(body);
    return new Promise<string>((resolve) => stream.once('close', () => resolve(outcome)));
  });
  void Promise.all(ends).then(() => session.destroy());
  return ends;
}

function tally(outcomes: readonly string[] | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes ?? []) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

interface Memory {
  readonly bodies: number;
  readonly heap: number;
  readonly rss: number;
}

/** Of the process that serves, in bytes. */
async function memory(): Promise<Memory> {
  const adminPort = plan.find(({ name }) => name === 'standalone')?.adminPort;
  const { status, text } = await httpCall(`http://127.0.0.1:${adminPort}/metrics`, { method: 'GET' });
  assert.equal(status, 200);
  const gauge = (name: string): number => {
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
    assert.ok(value !== undefined, name);
    return Number(value);
  };
  return {
    bodies: gauge('millrace_http_body_bytes_in_memory'),
    heap: gauge('nodejs_heap_size_used_bytes'),
    rss: gauge('process_resident_memory_bytes'),
  };
}

function say({ bodies, heap, rss }: Memory): string {
  const [b, h, r] = [bodies, heap, rss].map((bytes) => (bytes / 1024 ** 2).toFixed(0));
  return `bodies ${b}, heap ${h}, resident ${r} MiB`;
}
