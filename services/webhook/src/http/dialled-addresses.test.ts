import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import { callerFor, policyWith, post } from '../../test/caller.ts';
import { startDnsServer } from '../../test/dns-server.ts';
import { hostileUrls } from '../../test/hostile-urls.ts';
import { startReceiver } from '../../test/receiver.ts';
import { createResolver } from './resolver.ts';

const NOT_ALLOWED = 'the address is not allowed';

test('no spelling of a denied address opens a connection', async (t) => {
  // On all addresses of this machine, of both families: whatever is dialled here is counted.
  const receiver = await startReceiver(undefined, { host: '::' });
  t.after(() => receiver.close());
  const asked: string[] = [];
  const caller = callerFor(t, {
    policy: policyWith(),
    resolve: async (name) => {
      asked.push(name);
      return [{ address: '127.0.0.1', family: 4 }];
    },
  });
  const urls = hostileUrls(receiver.port);
  for (const url of urls) {
    const result = await post(caller, url);
    assert.deepEqual([result.status, result.error, result.address], [0, NOT_ALLOWED, ''], url);
  }
  assert.deepEqual(asked, []);
  assert.equal(receiver.accepted, 0);
  const control = await post(callerFor(t), `http://127.0.0.1:${receiver.port}/`);
  assert.equal(control.status, 200);
  t.diagnostic(`${urls.length} spellings`);
});

test('a name that comes out as a denied address is not dialled, in whatever clothes', async (t) => {
  const receiver = await startReceiver(undefined, { host: '::' });
  t.after(() => receiver.close());
  let answer: LookupAddress[] = [];
  const caller = callerFor(t, { policy: policyWith(), resolve: async () => answer });
  const addresses = [
    '127.0.0.1',
    '0.0.0.0',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '169.254.169.254',
  ];
  for (const address of addresses) {
    answer = [{ address, family: address.includes(':') ? 6 : 4 }];
    const result = await post(caller, `http://rebound.example.com:${receiver.port}/`);
    assert.deepEqual([result.status, result.error], [0, NOT_ALLOWED], address);
  }
  assert.equal(receiver.accepted, 0);
});

test('a name with one denied address among others is not dialled at all', async (t) => {
  const [good, bad] = await onTwoAddresses();
  t.after(() => Promise.all([good.close(), bad.close()]));
  for (const order of [
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.2'],
  ]) {
    const dns = await startDnsServer((_, type) => (type === 'A' ? order : []));
    t.after(() => dns.close());
    const caller = callerFor(t, {
      policy: policyWith({ allowedHosts: ['127.0.0.2'] }),
      resolve: createResolver({ servers: [dns.address] }),
    });
    const result = await post(caller, `http://both.example.com:${good.port}/`);
    assert.deepEqual([result.status, result.error], [0, NOT_ALLOWED]);
  }
  const dns = await startDnsServer((_, type) => (type === 'A' ? ['127.0.0.2'] : ['::1']));
  t.after(() => dns.close());
  const caller = callerFor(t, {
    policy: policyWith({ allowedHosts: ['127.0.0.2'] }),
    resolve: createResolver({ servers: [dns.address] }),
  });
  assert.equal((await post(caller, `http://both.example.com:${good.port}/`)).error, NOT_ALLOWED);
  assert.deepEqual([good.accepted, bad.accepted], [0, 0]);
});

test('a DNS server that flips its answers gets no connection to what is denied', async (t) => {
  const [good, bad] = await onTwoAddresses();
  t.after(() => Promise.all([good.close(), bad.close()]));
  let asked = 0;
  const dns = await startDnsServer((_, type) => {
    if (type === 'AAAA') return [];
    asked += 1;
    return [asked % 2 === 1 ? '127.0.0.2' : '127.0.0.1'];
  });
  t.after(() => dns.close());
  const resolve = createResolver({ servers: [dns.address] });
  const policy = policyWith({ allowedHosts: ['127.0.0.2'] });
  const outcomes: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    // A caller for each, or the first connection would serve them all.
    const caller = callerFor(t, { policy, resolve });
    const { status, error } = await post(caller, `http://flip${i}.example.com:${good.port}/`);
    outcomes.push(error ?? String(status));
  }
  assert.deepEqual(outcomes, Array.from({ length: 10 }, () => ['200', NOT_ALLOWED]).flat());
  assert.equal(good.accepted, 10);
  assert.equal(bad.accepted, 0);
  // Once for each connection: what was judged is what is dialled.
  assert.equal(asked, 20);
});

test('who answers is judged before a byte is sent', async (t) => {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  let judged = 0;
  const policy = {
    ...policyWith({ allowPrivate: true }),
    allowsAddress: () => {
      judged += 1;
      return judged === 1;
    },
  };
  const result = await post(callerFor(t, { policy }), receiver.url);
  assert.deepEqual([result.status, result.error], [0, NOT_ALLOWED]);
  assert.equal(judged, 2);
  assert.equal(receiver.requests.length, 0);
});

test('a name is asked for whole and once, and what does not resolve says so', async (t) => {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const dns = await startDnsServer((name, type) => {
    if (name === 'hooks.example.com') return type === 'A' ? ['127.0.0.1'] : [];
    return name === 'hangs.example.com' ? 'silent' : undefined;
  });
  t.after(() => dns.close());
  const resolve = createResolver({ servers: [dns.address] });
  const caller = callerFor(t, { resolve, timeoutMs: 1_000 });
  const ok = await post(callerFor(t, { resolve }), `http://hooks.example.com:${receiver.port}/`);
  assert.deepEqual([ok.status, ok.address], [200, `127.0.0.1:${receiver.port}`]);
  assert.deepEqual([...dns.questions].sort(), ['A hooks.example.com', 'AAAA hooks.example.com']);
  assert.match(receiver.requests[0] ?? '', /^host: hooks\.example\.com:\d+\r$/m);
  const unknown = await post(callerFor(t, { resolve }), `http://unknown.example.com:${receiver.port}/`);
  assert.deepEqual([unknown.status, unknown.error], [0, 'the name can not be resolved']);
  const hanging = await post(caller, `http://hangs.example.com:${receiver.port}/`);
  assert.deepEqual([hanging.status, hanging.error], [0, 'timeout after 1 s']);
  assert.equal(caller.openConnections, 0);
});

test('of several addresses the next is tried where one refuses', async (t) => {
  const receiver = await startReceiver(undefined, { host: '127.0.0.3' });
  t.after(() => receiver.close());
  const caller = callerFor(t, {
    policy: policyWith({ allowedHosts: ['127.0.0.0/8'] }),
    resolve: async () => ['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((address) => ({ address, family: 4 })),
  });
  const result = await post(caller, `http://many.example.com:${receiver.port}/`);
  assert.deepEqual([result.status, result.address], [200, `127.0.0.3:${receiver.port}`]);
});

/** Receivers on one port of 127.0.0.2, which the tests allow, and of 127.0.0.1, which they don't. */
async function onTwoAddresses() {
  const good = await startReceiver(undefined, { host: '127.0.0.2' });
  const bad = await startReceiver(undefined, { host: '127.0.0.1', port: good.port });
  return [good, bad] as const;
}
