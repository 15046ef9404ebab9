import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompress, deflate, gzip, zstdCompress } from 'node:zlib';
import { createHealth, createLogger, MillraceError, systemClock, type Tracing } from '@millrace/runtime';
import { granting } from '../../test/granting.ts';
import { limitsForTests } from '../../test/limits.ts';
import { problem } from '../request/problem/encode-problem.ts';
import { createClientAddress } from './client-address.ts';
import { createCors } from './cors.ts';
import { limitSignIn } from './limits/limit-request.ts';
import type { Listener } from './listener.ts';
import { createBodyBudget } from './request-body.ts';
import type { PublicRoute, Route } from './route.ts';
import { startHttpServer } from './server.ts';

const LIMIT_BYTES = 2_000;
const tracing: Tracing = { enabled: false, start: () => undefined, close: async () => undefined };
const health = createHealth([]);
const answered: string[] = [];
const limits = limitsForTests({ authPerMinute: 3 });
let listener: Listener;
let base: string;

const documentation = { summary: '', tag: '', responses: {}, errors: problem } as const;
const encodeFailure: Route['encodeFailure'] = (failure) => ({
  status:
    { too_large: 413, unsupported_media_type: 415, unavailable: 503, malformed_json: 400, rate_limited: 429 }[
      failure.kind as string
    ] ?? 500,
  body: JSON.stringify(failure),
});
const route = (method: Route['method'], path: string, handle: PublicRoute['handle']): Route => ({
  method,
  path,
  access: 'public',
  documentation,
  handle,
  encodeFailure,
});

before(async () => {
  listener = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    routes: [
      route('GET', '/api/auth/me', (exchange) =>
        exchange.reply({ status: 200, body: JSON.stringify(exchange.clientAddress()) }),
      ),
      route('POST', '/echo', async (exchange) =>
        exchange.reply({
          status: 200,
          body: JSON.stringify((await exchange.body(LIMIT_BYTES)).toString()),
        }),
      ),
      route('GET', '/things/:id', (exchange) =>
        exchange.reply({ status: 200, body: JSON.stringify([exchange.params, exchange.query().get('q')]) }),
      ),
      route('GET', '/away', () => {
        throw new MillraceError('unavailable', 'away');
      }),
      route('GET', '/bug', async () => {
        throw new TypeError('secret detail');
      }),
    ],
    rpc: { handles: () => false, handle: () => undefined },
    encodeUnrouted: (failure) => ({
      status: { method_not_allowed: 405, rate_limited: 429 }[failure.kind as string] ?? 404,
      body: '{}',
      headers: failure.kind === 'method_not_allowed' ? ['allow', failure.allowed.join(', ')] : [],
    }),
    gate: { credentials: granting({}), limits },
    limitAddress: limitSignIn(limits),
    clientAddress: createClientAddress(['loopback', '192.0.2.0/24']),
    bodies: createBodyBudget(20_000_000),
    cors: createCors(['https://app.example']),
    health,
    metrics: {
      route: (label, method) => ({ answered: (status) => answered.push(`${method} ${label} ${status}`) }),
    },
    tracing,
    clock: systemClock,
    newId: () => 'made-id',
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  base = `http://127.0.0.1:${listener.port}`;
});
after(() => listener.close(1_000));

test('a body of every documented encoding is inflated', async () => {
  const text = 'x'.repeat(1_500);
  const encoders = { gzip, br: brotliCompress, zstd: zstdCompress, deflate } as const;
  for (const [encoding, encode] of Object.entries(encoders)) {
    const body = await promisify<string, Buffer>(encode)(text);
    const response = await fetch(`${base}/echo`, {
      method: 'POST',
      body,
      headers: { 'content-encoding': encoding },
    });
    assert.equal(await response.json(), text, encoding);
  }
});

test('413: a body over the limit, announced, streamed or inflated', async () => {
  const large = 'x'.repeat(LIMIT_BYTES + 1);
  const announced = await fetch(`${base}/echo`, { method: 'POST', body: large });
  assert.equal(announced.status, 413);
  const streamed = await fetch(`${base}/echo`, {
    method: 'POST',
    body: new Blob([large]).stream(),
    duplex: 'half',
  });
  assert.equal(streamed.status, 413);
  const bomb = await promisify<string, Buffer>(gzip)('x'.repeat(5_000_000));
  const inflated = await fetch(`${base}/echo`, {
    method: 'POST',
    body: bomb.subarray(0),
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(inflated.status, 413);
});

test('415: an unknown encoding; 400: a damaged body', async () => {
  const post = (encoding: string) =>
    fetch(`${base}/echo`, { method: 'POST', body: 'abc', headers: { 'content-encoding': encoding } });
  assert.equal((await post('lzw')).status, 415);
  assert.equal((await post('constructor')).status, 415);
  assert.equal((await post('gzip')).status, 400);
});

test('paths, parameters and the query string are decoded', async () => {
  const response = await fetch(`${base}/things/a%20b?q=1%202`);
  assert.deepEqual(await response.json(), [{ id: 'a b' }, '1 2']);
});

test('404 and 405 are JSON; 405 names the methods', async () => {
  assert.equal((await fetch(`${base}/nothing`)).status, 404);
  const wrong = await fetch(`${base}/echo`);
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'POST');
});

test('a failure keeps its cause to itself: 503 for a store that is away, 500 for a bug', async () => {
  assert.equal((await fetch(`${base}/away`)).status, 503);
  const bug = await fetch(`${base}/bug`);
  assert.equal(bug.status, 500);
  assert.doesNotMatch(await bug.text(), /secret detail/);
});

test('the request id is echoed when it is clean, else made', async () => {
  const withId = (id: string) => fetch(`${base}/things/1`, { headers: { 'x-request-id': id } });
  assert.equal((await withId('abc-1')).headers.get('x-request-id'), 'abc-1');
  assert.equal((await withId('x'.repeat(129))).headers.get('x-request-id'), 'made-id');
});

test('browsers of a configured origin may call, others get no permission', async () => {
  const preflight = (origin: string) => fetch(`${base}/echo`, { method: 'OPTIONS', headers: { origin } });
  const allowed = await preflight('https://app.example');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example');
  assert.match(allowed.headers.get('access-control-allow-methods') ?? '', /POST/);
  assert.equal((await preflight('https://other.example')).headers.get('access-control-allow-origin'), null);
});

test('the sign-in routes are limited by client address, whatever is asked of them', async () => {
  const ask = (path: string, forwarded: string, method = 'GET') =>
    fetch(base + path, { method, headers: { 'x-forwarded-for': forwarded } });
  const first = await ask('/api/auth/me', '198.51.100.1');
  assert.equal(await first.json(), '198.51.100.1');
  assert.equal(first.headers.get('ratelimit-policy'), '"default";q=3;w=60');
  assert.equal(first.headers.get('ratelimit'), '"default";r=2;t=20');
  assert.equal((await ask('/api/auth/nothing', '198.51.100.1')).status, 404);
  assert.equal((await ask('/api/auth/me', '198.51.100.1', 'POST')).status, 405);
  for (const path of ['/api/auth/me', '/api/auth/me/', '/api/auth/nothing']) {
    const refused = await ask(path, '198.51.100.1');
    assert.equal(refused.status, 429, path);
    assert.equal(refused.headers.get('ratelimit'), '"default";r=0;t=20');
  }
  assert.equal((await ask('/api/auth/me', '198.51.100.2')).status, 200);
  assert.equal((await ask('/things/1', '198.51.100.1')).status, 200);
  // What the client itself wrote stands before what the proxies added, and changes nothing.
  assert.equal((await ask('/api/auth/me', '203.0.113.9, 198.51.100.1, 192.0.2.10')).status, 429);
});

test('HTTP/2 with prior knowledge is served on the same port', async () => {
  const session = connectHttp2(base);
  const stream = session.request({ ':method': 'POST', ':path': '/echo' });
  stream.end('over h2');
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 200);
  let body = '';
  for await (const chunk of stream) body += chunk;
  assert.equal(body, '"over h2"');
  session.close();
  await once(session, 'close');
});

test('a preface that comes byte by byte still becomes HTTP/2, and a request line HTTP/1.1', async () => {
  for (const [text, expected] of [
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', '\0'],
    ['PUT /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 405'],
  ] as const) {
    const socket = connect(listener.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    for (const byte of text) {
      socket.write(byte, 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = await once(socket, 'data');
    assert.ok(String(answer).startsWith(expected), JSON.stringify(String(answer)));
    socket.destroy();
  }
});

test('every answer is counted under its route, not under its path', () => {
  assert.ok(answered.includes('GET /things/:id 200'));
  assert.ok(answered.includes('GET unrouted 404'));
});

test('while draining, HTTP/1.1 answers ask to close', async () => {
  health.drain();
  assert.equal((await fetch(`${base}/things/1`)).headers.get('connection'), 'close');
});
