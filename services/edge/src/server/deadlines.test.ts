import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type Settings,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { publicRoute, startHttpBench } from '../../test/http-bench.ts';

const LIMIT_BYTES = 100_000;
/** More than every buffer on the way to a client that doesn't read. */
const LONG = JSON.stringify('x'.repeat(32 * 1024 * 1024));

/** When the server has done with a long answer. */
let givenUp = Promise.withResolvers<void>();
let bench: Awaited<ReturnType<typeof startHttpBench>>;
before(async () => {
  bench = await startHttpBench(
    [
      publicRoute('POST', '/echo', async (exchange) => {
        const body = (await exchange.body(LIMIT_BYTES)).toString();
        exchange.reply({ status: 200, body: JSON.stringify(body) });
      }),
      publicRoute('POST', '/refuse', (exchange) => exchange.reply({ status: 401, body: '{}' })),
      publicRoute('GET', '/long', (exchange) => {
        exchange.response.once('close', () => givenUp.resolve());
        exchange.reply({ status: 200, body: LONG });
      }),
    ],
    {
      deadlines: {
        // Client and server share this process: a first connection keeps it busy for a while.
        headMs: 1_000,
        bodyMs: 150,
        answerMs: 100,
        lingerMs: 60,
        sessionIdleMs: 300,
        checkMs: 20,
      },
    },
  );
});
after(() => bench.close());

/** Over when the other side has ended it, with an error or without. */
function closed(what: ClientHttp2Stream | ClientHttp2Session | Socket): Promise<void> {
  what.on('error', () => undefined);
  return new Promise((resolve) => what.once('close', () => resolve()));
}

/** An HTTP/2 connection whose end is no error. */
function openSession(settings: Settings = {}): ClientHttp2Session {
  return connectHttp2(bench.url, { settings }).on('error', () => undefined);
}

/** The status of a stream that the server ends: no test here ends the body. */
async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  let status: unknown;
  stream.on('response', (headers) => (status = headers[':status']));
  stream.resume();
  await closed(stream);
  return status;
}

async function textUntilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes) => (text += bytes));
  await closed(socket);
  return text;
}

test('408: 200 stalled streams of one HTTP/2 connection end, and their memory is free', async () => {
  const session = openSession();
  const outcomes = Array.from({ length: 200 }, () => {
    const stream = session.request({ ':method': 'POST', ':path': '/echo' });
    stream.write('x'.repeat(1_000));
    return statusOf(stream);
  });
  for (const status of await Promise.all(outcomes)) assert.equal(status, 408);
  assert.equal(bench.reserved(), 0);
  session.destroy();
});

test('a stream whose body is late goes soon after its answer, not only when that is given up', async () => {
  const patient = await startHttpBench(
    [publicRoute('POST', '/echo', async (exchange) => void (await exchange.body(LIMIT_BYTES)))],
    { deadlines: { bodyMs: 100, lingerMs: 50, answerMs: 600_000 } },
  );
  const session = connectHttp2(patient.url).on('error', () => undefined);
  const stream = session.request({ ':method': 'POST', ':path': '/echo' });
  stream.write('x');
  assert.equal(await statusOf(stream), 408);
  assert.equal(patient.reserved(), 0);
  session.destroy();
  await patient.close();
});

test('408: a body that dribbles over HTTP/2', async () => {
  const session = openSession();
  const stream = session.request({ ':method': 'POST', ':path': '/echo' });
  const dribble = setInterval(() => stream.writable && stream.write('x'), 10);
  assert.equal(await statusOf(stream), 408);
  clearInterval(dribble);
  session.destroy();
});

test('408: a body that stalls or dribbles over HTTP/1.1, and the connection ends', async () => {
  for (const every of [undefined, 10]) {
    const socket = connect(bench.port, '127.0.0.1');
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nabc');
    const dribble = every && setInterval(() => socket.writable && socket.write('x'), every);
    const text = await textUntilClosed(socket);
    clearInterval(dribble);
    assert.match(text, /^HTTP\/1\.1 408 [\s\S]*"request_timeout"/);
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
  }
  assert.equal(bench.reserved(), 0);
});

test('408: a head that never ends over HTTP/1.1', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  socket.write('POST /echo HTTP/1.1\r\nHost: x\r\n');
  const dribble = setInterval(() => socket.writable && socket.write('x'), 10);
  const text = await textUntilClosed(socket);
  clearInterval(dribble);
  assert.match(text, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
});

test('first bytes that never become a protocol end the connection', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  const preface = [...'PRI * HTTP/2.0'];
  const dribble = setInterval(
    () => socket.writable && preface.length > 1 && socket.write(preface.shift() ?? ''),
    10,
  );
  assert.equal(await textUntilClosed(socket), '');
  clearInterval(dribble);
});

test('headers that never end over HTTP/2 end the connection', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frame(4, 0, 0, ''));
  // HEADERS on stream 1 without END_HEADERS, and behind it a header whose long name comes byte by byte.
  socket.write(frame(1, 1, 1, ''));
  socket.write(frame(9, 0, 1, `\0\x7f\xff\x05${'x'.repeat(1_000)}`).subarray(0, 13));
  const dribble = setInterval(() => socket.writable && socket.write('x'), 10);
  const received: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  await closed(socket);
  clearInterval(dribble);
  // GOAWAY without an error: nothing was wrong but the time.
  const last = Buffer.concat(received).subarray(-17);
  assert.equal(last[3], 7);
  assert.equal(last.readUInt32BE(13), 0);
});

test('a connection without a stream ends after its idle time, though it pings', async () => {
  const session = openSession();
  session.on('error', () => undefined);
  const pings = setInterval(() => session.destroyed || session.ping(() => undefined), 20);
  await closed(session);
  clearInterval(pings);
});

test('a connection with a stream outlasts the idle time of those without', async () => {
  const session = openSession();
  for (let i = 0; i < 3; i++) {
    const stream = session.request({ ':method': 'POST', ':path': '/echo' });
    assert.equal(await statusOf(stream), 408);
  }
  const good = session.request({ ':method': 'POST', ':path': '/echo' });
  good.end('x');
  assert.equal(await statusOf(good), 200);
  session.destroy();
});

test('an answer that nobody takes ends the stream, or the connection over HTTP/1.1', async () => {
  const session = openSession({ initialWindowSize: 0 });
  const stream = session.request({ ':method': 'GET', ':path': '/long' });
  await closed(stream);
  assert.notEqual(stream.rstCode, 0);
  session.destroy();

  const socket = connect(bench.port, '127.0.0.1');
  await givenUp.promise;
  givenUp = Promise.withResolvers();
  const left = closed(socket);
  socket.pause();
  socket.write('GET /long HTTP/1.1\r\nHost: x\r\n\r\n');
  // A socket that isn't read never learns of its end, so it reads once the server has given it up.
  await givenUp.promise;
  socket.resume();
  await left;
  assert.ok(socket.bytesRead < LONG.length);
});

test('the body of a refused request is thrown away for a while, then cut off', async () => {
  const session = openSession();
  const stream = session.request({ ':method': 'POST', ':path': '/refuse' });
  const flood = setInterval(() => stream.writable && stream.write('x'.repeat(10_000)), 5);
  assert.equal(await statusOf(stream), 401);
  clearInterval(flood);
  session.destroy();

  const socket = connect(bench.port, '127.0.0.1');
  socket.write('POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nabc');
  assert.match(await textUntilClosed(socket), /^HTTP\/1\.1 401 /);
});

/** An HTTP/2 frame. */
function frame(type: number, flags: number, stream: number, payload: string): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload, 'latin1')]);
}
