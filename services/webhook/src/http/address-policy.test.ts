import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyWith } from '../../test/caller.ts';
import { isHostPattern } from './address-policy.ts';

/** The last address before each denied range, its first, its last, and the first behind it; empty where that is denied, too. */
const EDGES: readonly (readonly [string, string, string, string])[] = [
  ['', '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ['191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ['192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ['198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  ['198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  ['203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
  ['223.255.255.255', '224.0.0.0', '239.255.255.255', ''],
  ['', '240.0.0.0', '255.255.255.255', ''],
  ['', '::', '1fff:ffff::', '2000::'],
  ['2000:ffff::', '2001::', '2001:1ff:ffff::', '2001:200::'],
  ['2001:db7:ffff::', '2001:db8::', '2001:db8:ffff::', '2001:db9::'],
  ['2001:ffff::', '2002::', '2002:ffff::', '2003::'],
  ['3ffe:ffff::', '3fff::', '3fff:fff:ffff::', '3fff:1000::'],
  ['3fff:ffff::', '4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ''],
];

test('an address is denied from the first of each range to the last, and no other', () => {
  const policy = policyWith();
  for (const [before, first, last, behind] of EDGES) {
    for (const address of [first, last]) {
      assert.equal(policy.allowsAddress(address, 'example.com'), false, address);
      assert.equal(policy.allowsHost(address), false, address);
    }
    for (const address of [before, behind].filter((text) => text !== '')) {
      assert.equal(policy.allowsAddress(address, 'example.com'), true, address);
    }
  }
});

test('an IPv4 address in IPv6 clothes is judged as what it is', () => {
  const policy = policyWith();
  assert.equal(policy.allowsAddress('::ffff:127.0.0.1', 'example.com'), false);
  assert.equal(policy.allowsAddress('::ffff:7f00:1', 'example.com'), false);
  assert.equal(policy.allowsAddress('::ffff:8.8.8.8', 'example.com'), true);
  assert.equal(policy.allowsAddress('fe80::1%eth0', 'example.com'), false);
});

test('what is no address is never dialled', () => {
  for (const text of ['', 'example.com', '127.0.0', '0x7f.0.0.1', '2130706433', '1.2.3.4/32']) {
    assert.equal(policyWith({ allowPrivate: true }).allowsAddress(text, 'example.com'), false, text);
  }
});

test('private networks are let through where that is said, link-local and reserved ones are not', () => {
  const policy = policyWith({ allowPrivate: true, deniedRanges: ['10.9.0.0/16'] });
  for (const host of [
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    'localhost',
    'nats',
    'a.svc',
  ]) {
    assert.equal(policy.allowsHost(host), true, host);
  }
  for (const host of [
    '169.254.169.254',
    'fe80::1',
    '0.0.0.0',
    '224.0.0.1',
    '::ffff:169.254.169.254',
    '10.9.1.1',
  ]) {
    assert.equal(policy.allowsHost(host), false, host);
  }
});

test('an operator’s list wins over what is denied', () => {
  const allowedHosts = [
    '10.1.0.0/16',
    '169.254.7.7',
    'fd00:1::/32',
    'Hooks.Internal',
    '*.apps.svc',
    '::ffff:10.2.0.0/112',
  ];
  const policy = policyWith({ allowedHosts, deniedRanges: ['10.0.0.0/8', '8.8.0.0/16'] });
  const hosts = [
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '169.254.7.7',
    'fd00:1::9',
    'hooks.internal',
    'hooks.internal.',
    'a.apps.svc',
    'a.b.apps.svc',
    '10.2.0.9',
  ];
  for (const host of hosts) assert.equal(policy.allowsHost(host), true, host);
  for (const host of [
    '10.3.0.1',
    '169.254.7.8',
    'fd00:2::9',
    'x.hooks.internal',
    'apps.svc',
    'xapps.svc',
    '8.8.8.8',
  ]) {
    assert.equal(policy.allowsHost(host), false, host);
  }
  assert.equal(policy.allowsAddress('10.3.0.1', 'hooks.internal'), true);
  assert.equal(policy.allowsAddress('10.3.0.1', 'example.com'), false);
  assert.equal(policy.allowsAddress('8.8.8.8', 'example.com'), false);
});

test('names of one’s own network are denied, others are not', () => {
  const policy = policyWith();
  for (const name of [
    'localhost',
    'localhost.',
    'a.localhost',
    'nats',
    'a.svc',
    'a.cluster.local',
    'a.local',
    'A.INTERNAL',
    'a.internal.',
    'a.home.arpa',
  ]) {
    assert.equal(policy.allowsHost(name), false, name);
  }
  for (const name of [
    'example.com',
    'example.com.',
    'local.example.com',
    'internal.dev',
    'mysvc.io',
    'notlocal.xlocal',
  ]) {
    assert.equal(policy.allowsHost(name), true, name);
  }
});

test('a list of hosts takes names, suffixes, addresses and ranges', () => {
  for (const text of ['example.com', '*.example.com', 'nats', '10.0.0.0/8', '::1', 'fd00::/8']) {
    assert.equal(isHostPattern(text), true, text);
  }
  for (const text of [
    '',
    '*',
    '*.',
    'a..b',
    'https://example.com',
    'example.com:80',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    'a*.b',
    'fe80::1%eth0',
  ]) {
    assert.equal(isHostPattern(text), false, text);
  }
});
