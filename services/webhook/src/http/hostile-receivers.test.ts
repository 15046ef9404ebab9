import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { eventually } from '@millrace/testkit';
import { callerFor, post } from '../../test/caller.ts';
import { forEver, HEAD, HOSTILE_RECEIVERS, TIMEOUT } from '../../test/hostile-receivers.ts';
import { answer, answerOk, startReceiver } from '../../test/receiver.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

for (const { what, behave, status = 0, error, isTruncated = false } of HOSTILE_RECEIVERS) {
  test(`a receiver that ${what}: ${error ?? status}, and a healthy call follows`, async (t) => {
    let isHealthy = false;
    const receiver = await startReceiver((socket, nth) =>
      isHealthy ? answerOk(socket, nth) : behave(socket, nth),
    );
    t.after(() => receiver.close());
    const caller = callerFor(t, {
      timeoutMs: error === TIMEOUT ? 1_000 : 10_000,
      limits: { total: 1, perOrigin: 1, idle: 1 },
    });
    const result = await post(caller, receiver.url);
    assert.deepEqual([result.status, result.error, result.isTruncated], [status, error, isTruncated]);
    assert.equal(result.address, `127.0.0.1:${receiver.port}`);
    assert.ok(result.response.length <= 16_384);
    isHealthy = true;
    const patient = callerFor(t);
    assert.equal((await post(patient, receiver.url)).status, 200);
    await patient.close();
    await caller.close();
    await eventually(() => assert.equal(receiver.open, 0));
  });
}

test('a connection is not shared with what came unasked', async (t) => {
  const receiver = await startReceiver((socket, nth) => {
    socket.write(nth === 1 ? answer('first') + answer('forged') : answer('second'));
  });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  assert.equal((await post(caller, receiver.url)).response.toString(), 'first');
  assert.notEqual((await post(caller, receiver.url)).response.toString(), 'forged');
});

test('of an answer 16 KiB are kept, and a longer one ends its connection', async (t) => {
  const sizes = [0, 1, 16_383, 16_384, 16_385, 1_000_000];
  const receiver = await startReceiver((socket) => {
    socket.write(answer('y'.repeat(sizes[receiver.requests.length - 1] ?? 0)));
  });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  for (const size of sizes) {
    const result = await post(caller, receiver.url);
    assert.deepEqual(
      [result.status, result.response.length, result.isTruncated, result.error],
      [200, Math.min(size, 16_384), size > 16_384, undefined],
    );
  }
  assert.equal(receiver.accepted, 2);
  await eventually(() => assert.equal(receiver.open, 0));
});

test('a compressed answer is kept as it came, and none is asked for', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  const receiver = await startReceiver((socket) => {
    socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  });
  t.after(() => receiver.close());
  const { response } = await post(callerFor(t), receiver.url);
  assert.deepEqual(response, bomb.subarray(0, 16_384));
  assert.doesNotMatch(receiver.requests[0] ?? '', /accept-encoding/i);
});

test('an answer that comes before the body has been read counts', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.pause();
      socket.write(answer('too large', { status: '413 Too Large' }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}/`;
  const caller = callerFor(t);
  const result = await post(caller, url, { body: 'y'.repeat(8_000_000) });
  assert.deepEqual([result.status, result.response.toString(), result.error], [413, 'too large', undefined]);
});

test('where nobody listens the connection is refused', async (t) => {
  const receiver = await startReceiver();
  await receiver.close();
  const result = await post(callerFor(t), receiver.url);
  assert.deepEqual([result.status, result.error], [0, 'connection refused']);
  assert.equal(result.address, `127.0.0.1:${receiver.port}`);
});

test('2,000 endless answers leave neither memory nor sockets behind', async (t) => {
  const receiver = await startReceiver((socket) => {
    socket.write(`${HEAD}\r\n`);
    forEver(socket, Buffer.alloc(65_536, 'y'));
  });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  const round = async (calls: number) => {
    for (let i = 0; i < calls / 10; i += 1) {
      const results = await Promise.all(Array.from({ length: 10 }, () => post(caller, receiver.url)));
      for (const result of results) assert.equal(result.isTruncated, true);
    }
    await eventually(() => assert.equal(receiver.open, 0));
    assert.equal(caller.openConnections, 0);
  };
  const memory = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await round(500);
  const before = memory();
  await round(2_000);
  // Sockets give back their buffers some time after they have closed.
  const grownBy = await eventually(() => {
    const more = memory() - before;
    assert.ok(more < 8_000_000, `${more} bytes more`);
    return more;
  });
  t.diagnostic(`${(grownBy / 1e6).toFixed(1)} MB more`);
});
