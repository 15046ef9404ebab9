import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressBlock } from './request-limits.ts';

test('an IPv4 address is one client', () => {
  assert.equal(addressBlock('192.0.2.7'), '192.0.2.7');
  assert.equal(addressBlock(''), '');
});

test('all addresses of an IPv6 /64 are one client, however they are written', () => {
  const block = '2001:db8:0:1::/64';
  for (const address of [
    '2001:db8:0:1::1',
    '2001:db8::1:ffff:ffff:ffff:ffff',
    '2001:0DB8:0000:0001:0000:0000:0000:0002',
    '2001:db8:0:1::192.0.2.1',
    '2001:db8:0:1::1%eth0',
  ]) {
    assert.equal(addressBlock(address), block, address);
  }
  assert.equal(addressBlock('2001:db8:0:2::1'), '2001:db8:0:2::/64');
  assert.equal(addressBlock('::1'), '0:0:0:0::/64');
  assert.equal(addressBlock('1:2:3:4:5:6:7:8'), '1:2:3:4::/64');
  assert.equal(addressBlock('fe80::'), 'fe80:0:0:0::/64');
});
