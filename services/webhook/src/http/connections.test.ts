import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { eventually } from '@millrace/testkit';
import { callerFor, post } from '../../test/caller.ts';
import { answer, answerOk, type Receiver, startReceiver } from '../../test/receiver.ts';

/** A receiver that answers when it is told. */
async function startHeld(): Promise<{ receiver: Receiver; held: Socket[]; letGo: () => void }> {
  const held: Socket[] = [];
  const receiver = await startReceiver((socket) => held.push(socket));
  const letGo = () => {
    for (const socket of held.splice(0)) socket.write(answer('ok'));
  };
  return { receiver, held, letGo };
}

test('an origin has so many connections, and what is more waits its turn', async (t) => {
  const { receiver, held, letGo } = await startHeld();
  t.after(() => receiver.close());
  const caller = callerFor(t, { limits: { total: 100, perOrigin: 3, idle: 100 } });
  const ended: number[] = [];
  const calls = Array.from({ length: 9 }, (_, i) =>
    post(caller, receiver.url, { body: String(i) }).then((result) => {
      ended.push(i);
      return result;
    }),
  );
  for (let round = 1; round <= 3; round += 1) {
    await eventually(() => assert.equal(held.length, 3));
    assert.equal(receiver.requests.length, 3 * round);
    letGo();
  }
  for (const call of calls) assert.equal((await call).status, 200);
  assert.equal(receiver.accepted, 3);
  assert.deepEqual(
    receiver.requests.map((request) => Number(request.at(-1))).sort(),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.deepEqual(new Set(ended.slice(0, 3)), new Set([0, 1, 2]));
});

test('a process has so many connections, and origins take turns with them', async (t) => {
  const [greedy, modest] = [await startReceiver(), await startReceiver()];
  t.after(() => Promise.all([greedy.close(), modest.close()]));
  const caller = callerFor(t, { limits: { total: 2, perOrigin: 10, idle: 2 } });
  const ended: string[] = [];
  const calls = [...Array.from({ length: 20 }, () => greedy), modest].map((receiver) =>
    post(caller, receiver.url).then((result) => {
      ended.push(receiver === greedy ? 'greedy' : 'modest');
      return result;
    }),
  );
  assert.equal(caller.openConnections, 2);
  for (const call of calls) assert.equal((await call).status, 200);
  assert.ok(ended.indexOf('modest') < 10, ended.join(' '));
  assert.ok(caller.openConnections <= 2);
});

test('connections at rest make room for others, the least recently used first', async (t) => {
  const receivers = await Promise.all(Array.from({ length: 30 }, () => startReceiver()));
  t.after(() => Promise.all(receivers.map((receiver) => receiver.close())));
  const caller = callerFor(t, { limits: { total: 8, perOrigin: 4, idle: 5 } });
  for (const receiver of receivers) {
    assert.equal((await post(caller, receiver.url)).status, 200);
    assert.ok(caller.openConnections <= 5);
  }
  const results = await Promise.all(receivers.map((receiver) => post(caller, receiver.url)));
  for (const result of results) assert.deepEqual([result.status, result.error], [200, undefined]);
  assert.ok(caller.openConnections <= 5);
  const open = () => receivers.filter((receiver) => receiver.open > 0);
  await eventually(() => assert.equal(open().length, caller.openConnections));
});

test('a call that waits ends in time, and those that hang leave room for those behind', async (t) => {
  let isHanging = true;
  const receiver = await startReceiver((socket, nth) => {
    if (!isHanging) answerOk(socket, nth);
  });
  t.after(() => receiver.close());
  const caller = callerFor(t, { limits: { total: 2, perOrigin: 2, idle: 2 }, timeoutMs: 300 });
  const calls = Array.from({ length: 6 }, () => post(caller, receiver.url));
  for (const call of calls) assert.equal((await call).error, 'timeout after 0.3 s');
  assert.equal(receiver.accepted, 2);
  isHanging = false;
  assert.equal((await post(caller, receiver.url)).status, 200);
  await eventually(() => assert.equal(receiver.open, 1));
});

test('a connection that its receiver closes at rest is forgotten', async (t) => {
  const sockets: Socket[] = [];
  const receiver = await startReceiver(answerOk, { onConnect: (socket) => sockets.push(socket) });
  t.after(() => receiver.close());
  const caller = callerFor(t);
  await Promise.all([post(caller, receiver.url), post(caller, receiver.url)]);
  assert.equal(caller.openConnections, 2);
  for (const socket of sockets) socket.end();
  await eventually(() => assert.equal(caller.openConnections, 0));
  await eventually(() => assert.equal(receiver.open, 0));
});
