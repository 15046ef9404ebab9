import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNatsUrl } from './nats-url.ts';

test('servers with and without scheme, port, user info and brackets', () => {
  assert.deepEqual(parseNatsUrl('nats://us%40er:p%3Aw%2Cd@a:1, nats://us%40er:p%3Aw%2Cd@b'), {
    servers: ['a:1', 'b:4222'],
    hosts: ['a', 'b'],
    tls: false,
    user: 'us@er',
    password: 'p:w,d',
  });
  assert.deepEqual(parseNatsUrl('tls://a.example:4443,[::1]:5'), {
    servers: ['a.example:4443', '[::1]:5'],
    hosts: ['a.example', '[::1]'],
    tls: true,
  });
  assert.equal(parseNatsUrl('nats://secret@a').token, 'secret');
});

test('one connection has one identity', () => {
  assert.throws(() => parseNatsUrl('nats://u:p@a,nats://u:q@b'), /the same user and password/);
  assert.throws(() => parseNatsUrl(' , '), /names no server/);
});
