import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '@millrace/testkit';
import { callerFor, policyWith, post } from '../../test/caller.ts';
import { answer, answerOk, startReceiver } from '../../test/receiver.ts';

test('a call sends the bytes it is given, and tells what came back', async (t) => {
  const receiver = await startReceiver((socket) =>
    socket.write(answer('not now', { status: '503 Busy', headers: 'retry-after: 7\r\n' })),
  );
  t.after(() => receiver.close());
  const caller = callerFor(t);
  const body = '{"event":"a.b","data":{"x":1.10}}';
  const headers = ['content-type', 'application/json', 'webhook-id', 'dlv_1', 'x-own', 'ä'];
  const { tookMs, ...result } = await post(caller, `${receiver.url}?a=b`, { body, headers });
  assert.deepEqual(result, {
    status: 503,
    response: Buffer.from('not now'),
    isTruncated: false,
    retryAfter: '7',
    address: `127.0.0.1:${receiver.port}`,
    error: undefined,
  });
  assert.ok(tookMs > 0);
  assert.deepEqual(receiver.requests[0]?.split('\r\n'), [
    'POST /hook?a=b HTTP/1.1',
    `host: 127.0.0.1:${receiver.port}`,
    'connection: keep-alive',
    'content-type: application/json',
    'webhook-id: dlv_1',
    'x-own: ä',
    `content-length: ${body.length}`,
    '',
    body,
  ]);
});

test('a name is sent as the name that it is, whatever address it has', async (t) => {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const caller = callerFor(t);
  const result = await post(caller, `http://LOCALHOST:${receiver.port}/hook`);
  assert.equal(result.address, `127.0.0.1:${receiver.port}`);
  assert.match(receiver.requests[0] ?? '', new RegExp(`^host: localhost:${receiver.port}\r$`, 'm'));
});

test('an IPv6 address is called', async (t) => {
  const receiver = await startReceiver(answerOk, { host: '::1' });
  t.after(() => receiver.close());
  const caller = callerFor(t, { policy: policyWith({ allowedHosts: ['::1'] }) });
  const result = await post(caller, `http://[0:0::1]:${receiver.port}/hook`);
  assert.deepEqual([result.status, result.address], [200, `[::1]:${receiver.port}`]);
  assert.match(receiver.requests[0] ?? '', /^host: \[::1\]:\d+\r$/m);
});

test('a redirect is an answer, and is not followed', async (t) => {
  const elsewhere = await startReceiver();
  t.after(() => elsewhere.close());
  for (const status of ['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent']) {
    const receiver = await startReceiver((socket) =>
      socket.write(answer('', { status, headers: `location: ${elsewhere.url}\r\n` })),
    );
    t.after(() => receiver.close());
    const result = await post(callerFor(t), receiver.url);
    assert.equal(result.status, Number.parseInt(status, 10));
  }
  assert.equal(elsewhere.accepted, 0);
});

test('calls one after the other share a connection', async (t) => {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const caller = callerFor(t);
  for (let i = 0; i < 20; i += 1) assert.equal((await post(caller, receiver.url)).status, 200);
  assert.equal(receiver.accepted, 1);
  assert.equal(caller.openConnections, 1);
});

test('a receiver that closes after each answer gets a connection for each call', async (t) => {
  const receiver = await startReceiver((socket) =>
    socket.end(answer('ok', { headers: 'connection: close\r\n' })),
  );
  t.after(() => receiver.close());
  const caller = callerFor(t);
  const results = await Promise.all(Array.from({ length: 40 }, () => post(caller, receiver.url)));
  for (const result of results) assert.deepEqual([result.status, result.error], [200, undefined]);
  assert.equal(receiver.accepted, 40);
  await eventually(() => assert.equal(caller.openConnections, 0));
});

test('a call whose connection died at rest goes over another, once', async (t) => {
  // The second request of a connection finds it closed, as one does that crosses the receiver's time-out.
  const receiver = await startReceiver((socket, nth) =>
    nth === 1 ? answerOk(socket, nth) : socket.destroy(),
  );
  t.after(() => receiver.close());
  const caller = callerFor(t);
  await post(caller, receiver.url);
  const result = await post(caller, receiver.url);
  assert.deepEqual([result.status, result.error], [200, undefined]);
  assert.equal(receiver.accepted, 2);
  assert.equal(receiver.requests.length, 3);
});

test('a call over a new connection is never sent twice', async (t) => {
  const receiver = await startReceiver((socket) => socket.destroy());
  t.after(() => receiver.close());
  const result = await post(callerFor(t), receiver.url);
  assert.deepEqual(
    [result.status, result.error],
    [0, 'the connection was closed before the answer was complete'],
  );
  assert.equal(receiver.requests.length, 1);
});

test('a call whose answer had begun is never sent twice', async (t) => {
  const receiver = await startReceiver((socket, nth) => {
    if (nth === 1) answerOk(socket, nth);
    else socket.end('HTTP/1.1 200 OK\r\ncontent-le');
  });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  await post(caller, receiver.url);
  const result = await post(caller, receiver.url);
  assert.equal(result.error, 'the connection was closed before the answer was complete');
  assert.equal(receiver.requests.length, 2);
});

test('a signal ends the calls that have it, and no others', async (t) => {
  const receiver = await startReceiver((socket) => {
    if (receiver.requests.length > 2) answerOk(socket, 1);
  });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  const abort = new AbortController();
  const ended = [1, 2].map(() => post(caller, receiver.url, { signal: abort.signal }));
  await eventually(() => assert.equal(receiver.requests.length, 2));
  const other = post(caller, receiver.url, { signal: new AbortController().signal });
  abort.abort();
  for (const call of ended) assert.equal((await call).error, 'cancelled');
  assert.equal((await other).status, 200);
  assert.equal((await post(caller, receiver.url, { signal: abort.signal })).error, 'cancelled');
  await eventually(() => assert.equal(receiver.open, 1));
});

test('a close ends what is under way and what waits, and leaves no socket', async (t) => {
  const receiver = await startReceiver(() => undefined);
  t.after(() => receiver.close());
  const caller = callerFor(t, { limits: { total: 10, perOrigin: 2, idle: 10 } });
  const calls = Array.from({ length: 5 }, () => post(caller, receiver.url));
  await eventually(() => assert.equal(receiver.open, 2));
  await caller.close();
  for (const call of calls) assert.equal((await call).error, 'cancelled');
  await eventually(() => assert.equal(receiver.open, 0));
  assert.equal((await post(caller, receiver.url)).error, 'cancelled');
});

test('a header that would inject another is not sent, and fails its call alone', async (t) => {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const caller = callerFor(t, { limits: { total: 1, perOrigin: 1, idle: 1 } });
  const bad = Array.from({ length: 3_000 }, () =>
    post(caller, receiver.url, { headers: ['x-own', 'a\r\nx-injected: 1'] }),
  );
  const good = post(caller, receiver.url);
  for (const call of bad) assert.equal((await call).error, 'a header can not be sent');
  assert.equal((await good).status, 200);
  assert.equal(receiver.requests.length, 1);
});

test('a flood of calls is held off before it takes all memory', async (t) => {
  const receiver = await startReceiver(() => undefined);
  t.after(() => receiver.close());
  const caller = callerFor(t, { limits: { total: 1, perOrigin: 1, idle: 1 } });
  const abort = new AbortController();
  const calls = Array.from({ length: 20_000 }, () => post(caller, receiver.url, { signal: abort.signal }));
  assert.equal((await post(caller, receiver.url)).error, 'too many calls are under way');
  abort.abort();
  for (const call of calls) assert.equal((await call).error, 'cancelled');
});
