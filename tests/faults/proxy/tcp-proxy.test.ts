import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pickFreePort } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { createPipe } from './pipe.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const SLOW_MS = 100;

/** A server that repeats what it hears, behind a proxy, and one client. */
async function echo(t: { after(fn: () => Promise<void> | void): void }) {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard.push(chunk.toString());
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy(await pickFreePort());
  // Listening on a TCP port, so the address is one.
  proxy.setTarget((server.address() as AddressInfo).port);
  const clients: Socket[] = [];
  t.after(async () => {
    for (const client of clients) client.destroy();
    await proxy.close();
    server.close();
  });
  const open = async () => {
    const client = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(client);
    client.on('error', () => client.destroy());
    let received = '';
    client.on('data', (chunk) => {
      received += chunk.toString();
    });
    await once(client, 'connect');
    return { client, received: () => received };
  };
  return { proxy, heard, open };
}

test('pass: both directions', async (t) => {
  const { open } = await echo(t);
  const { client, received } = await open();
  client.write('hello');
  await eventually(() => assert.equal(received(), 'hello'));
});

/** Both ends of a connection. */
async function connected(t: { after(fn: () => void): void }): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [far]: Socket[] = await once(server, 'connection');
  server.close();
  if (far === undefined) throw new Error('a connection without a socket');
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

test('reset: a connection that is just being ended leaves nothing open', async (t) => {
  const [outer, client] = await connected(t);
  const [upstream] = await connected(t);
  const pipe = createPipe({ client, upstream, mode: { kind: 'pass' }, onEnd: () => undefined });
  const closed = once(upstream, 'close');
  client.on('end', () => pipe.reset());
  outer.end();
  await closed;
});

test('reset: the client sees its connection end', async (t) => {
  const { proxy, heard, open } = await echo(t);
  const { client } = await open();
  client.write('hello');
  await eventually(() => assert.deepEqual(heard, ['hello']));
  proxy.reset();
  await assert.rejects(once(client, 'close'), { code: 'ECONNRESET' });
});

test('freeze: nothing arrives until it is healed, then everything does', async (t) => {
  const { proxy, heard, open } = await echo(t);
  const { client, received } = await open();
  proxy.setMode({ kind: 'freeze' });
  client.write('hello');
  await sleep(80);
  assert.deepEqual(heard, []);
  proxy.heal();
  await eventually(() => assert.equal(received(), 'hello'));
});

test('black hole: bytes vanish and the connection is reset when it is healed', async (t) => {
  const { proxy, heard, open } = await echo(t);
  const { client } = await open();
  proxy.setMode({ kind: 'black-hole' });
  client.write('hello');
  await sleep(50);
  assert.deepEqual(heard, []);
  proxy.heal();
  await assert.rejects(once(client, 'close'), { code: 'ECONNRESET' });
});

test('drop-answers: the server hears and the client does not', async (t) => {
  const { proxy, heard, open } = await echo(t);
  const { client, received } = await open();
  proxy.setMode({ kind: 'drop-answers' });
  client.write('hello');
  await eventually(() => assert.deepEqual(heard, ['hello']));
  await sleep(50);
  assert.equal(received(), '');
  proxy.heal();
  await assert.rejects(once(client, 'close'), { code: 'ECONNRESET' });
});

test('slow: bytes arrive late and in order', async (t) => {
  const { proxy, heard, open } = await echo(t);
  const { client } = await open();
  proxy.setMode({ kind: 'slow', delayMs: SLOW_MS });
  const writtenAtMs = performance.now();
  client.write('a');
  await sleep(20);
  proxy.heal();
  client.write('b');
  await eventually(() => assert.equal(heard.join(''), 'ab'), { intervalMs: 1 });
  // A timer may be a little early.
  assert.ok(performance.now() - writtenAtMs >= SLOW_MS - 2);
});

test('hold: what a killed client sent arrives when it is released', async (t) => {
  const { proxy, heard, open } = await echo(t);
  proxy.setMode({ kind: 'hold', from: (chunk) => chunk.includes('late') });
  const { client } = await open();
  client.write('early');
  await eventually(() => assert.deepEqual(heard, ['early']));
  client.write('late');
  await eventually(() => assert.deepEqual(proxy.heldBytes().map(String), ['late']));
  client.resetAndDestroy();
  proxy.setMode({ kind: 'pass' });
  const second = await open();
  second.client.write('new');
  await eventually(() => assert.deepEqual(heard, ['early', 'new']));
  proxy.heal();
  await eventually(() => assert.deepEqual(heard, ['early', 'new', 'late']));
});
