import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, IncomingMessage } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { createClientAddress, isProxyRange } from './client-address.ts';

/** A request from an address, with what proxies and the client have written into the header. */
function requestFrom(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
  const request = new IncomingMessage(socket);
  if (forwarded !== undefined) request.headers['x-forwarded-for'] = forwarded;
  return request;
}

test('without trusted proxies it is who connects, whatever the header says', () => {
  const address = createClientAddress([]);
  assert.equal(address(requestFrom('203.0.113.5', '198.51.100.1')), '203.0.113.5');
  assert.equal(address(requestFrom('::ffff:203.0.113.5')), '203.0.113.5');
  assert.equal(address(requestFrom('2001:db8::1')), '2001:db8::1');
  assert.equal(address(requestFrom(undefined)), '', 'the client has left');
});

test('a header is believed from trusted hops only, from the right', () => {
  const address = createClientAddress(['10.0.0.0/8', '2001:db8::5']);
  const cases: [remote: string, forwarded: string | undefined, client: string][] = [
    ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['2001:db8::5', '2001:db8:1::1', '2001:db8:1::1'],
    ['10.0.0.1', '6.6.6.6, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '6.6.6.6, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['203.0.113.5', '10.0.0.1', '203.0.113.5'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
  ];
  for (const [remote, forwarded, client] of cases) {
    assert.equal(address(requestFrom(remote, forwarded)), client, `${remote} ${forwarded}`);
  }
});

test('what is no address never becomes one', () => {
  const address = createClientAddress(['10.0.0.0/8']);
  for (const forwarded of ['unknown', '_hidden', "'; drop", '1.2.3.4.5', 'x, unknown']) {
    assert.equal(address(requestFrom('10.0.0.1', forwarded)), '10.0.0.1', forwarded);
  }
  assert.equal(address(requestFrom('10.0.0.1', '198.51.100.1, unknown, 10.0.0.3')), '10.0.0.3');
});

test('it is read from HTTP/1.1 and HTTP/2 requests alike', async () => {
  const address = createClientAddress(['loopback']);
  const headers = { 'x-forwarded-for': '198.51.100.1' };

  const http1 = createServer((request, response) => response.end(address(request))).listen(0, '127.0.0.1');
  await once(http1, 'listening');
  const answer = await fetch(`http://127.0.0.1:${portOf(http1)}`, { headers });
  assert.equal(await answer.text(), '198.51.100.1');
  http1.close();
  http1.closeAllConnections();

  const http2 = createHttp2Server((request, response) => response.end(address(request))).listen(
    0,
    '127.0.0.1',
  );
  await once(http2, 'listening');
  const session = connect(`http://127.0.0.1:${portOf(http2)}`);
  let text = '';
  for await (const chunk of session.request({ ':path': '/', ...headers })) text += chunk;
  assert.equal(text, '198.51.100.1');
  session.close();
  http2.close();
});

test('a trusted proxy is an address, a range, or one of the known names', () => {
  for (const range of [
    'loopback',
    'linklocal',
    'uniquelocal',
    '10.0.0.1',
    '10.0.0.0/8',
    '::1',
    'fc00::/7',
    '::/1',
  ]) {
    assert.ok(isProxyRange(range), range);
    createClientAddress([range]);
  }
  const wrong = [
    '',
    'proxy.example',
    '10',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '0x7f.1',
    '::/129',
    'Loopback',
    '*',
  ];
  for (const range of wrong) assert.ok(!isProxyRange(range), range);
});

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
