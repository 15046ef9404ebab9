import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { createCertificateAuthority, eventually } from '@millrace/testkit';
import { callerFor, policyWith, post } from '../../test/caller.ts';
import { startEgressProxy } from '../../test/egress-proxy.ts';
import { hostileUrls } from '../../test/hostile-urls.ts';
import { answerOk, startReceiver } from '../../test/receiver.ts';

const authority = createCertificateAuthority('webhook-proxy');
after(() => rmSync(authority.directory, { recursive: true }));
const ca = readFileSync(authority.ca, 'utf8');

/** The rules of production: the proxy's own address, on loopback, is denied to endpoints. */
const policy = policyWith();
const resolve = () => Promise.reject(new Error('the proxy resolves names'));

test('http and https go through tunnels, names unresolved, with the credentials of the setting', async (t) => {
  const receiver = await startReceiver();
  const proxy = await startEgressProxy(receiver.port);
  t.after(() => Promise.all([receiver.close(), proxy.close()]));
  const proxyUrl = `http://me%40x:p%3Aw@127.0.0.1:${proxy.port}`;
  const caller = callerFor(t, { policy, proxyUrl, resolve, ca });
  for (let i = 0; i < 3; i += 1) {
    const result = await post(caller, 'http://hooks.example.com/hook?a=b');
    assert.deepEqual([result.status, result.error, result.address], [200, undefined, '']);
  }
  const credentials = `Basic ${Buffer.from('me@x:p:w').toString('base64')}`;
  assert.deepEqual(proxy.tunnels, [`hooks.example.com:80 ${credentials}`]);
  assert.match(receiver.requests[0] ?? '', /^POST \/hook\?a=b HTTP\/1\.1\r\nhost: hooks\.example\.com\r\n/);
  // They are the proxy's business, and nobody's behind it.
  assert.doesNotMatch(receiver.requests.join(''), /proxy-authorization/i);
});

test('behind a proxy a certificate has to be for the name all the same', async (t) => {
  const receiver = await startReceiver(answerOk, { tls: authority.issue('good') });
  const proxy = await startEgressProxy(receiver.port);
  t.after(() => Promise.all([receiver.close(), proxy.close()]));
  const allowing = policyWith({ allowPrivate: true });
  const caller = callerFor(t, { policy: allowing, proxyUrl: `http://127.0.0.1:${proxy.port}`, resolve, ca });
  assert.equal((await post(caller, 'https://localhost/')).status, 200);
  const result = await post(caller, 'https://hooks.example.com:8443/');
  assert.deepEqual([result.status, result.error], [0, 'the certificate is for another name']);
  assert.deepEqual(proxy.tunnels, ['localhost:443', 'hooks.example.com:8443']);
  assert.equal(receiver.requests.length, 1);
  await caller.close();
  await eventually(() => assert.deepEqual([proxy.open, receiver.open], [0, 0]));
});

test('no spelling of a denied address or name gets to a proxy', async (t) => {
  const receiver = await startReceiver();
  const proxy = await startEgressProxy(receiver.port);
  t.after(() => Promise.all([receiver.close(), proxy.close()]));
  const caller = callerFor(t, { policy, proxyUrl: `http://127.0.0.1:${proxy.port}`, resolve });
  for (const url of hostileUrls(receiver.port)) {
    assert.equal((await post(caller, url)).error, 'the address is not allowed', url);
  }
  assert.deepEqual(proxy.tunnels, []);
});

test('a proxy that refuses, hangs or is not there is named as the one that did', async (t) => {
  const receiver = await startReceiver();
  const proxy = await startEgressProxy(receiver.port, (asked) => {
    if (asked === 'denied.example.com:80') return 403;
    return asked === 'hangs.example.com:80' ? 'silent' : undefined;
  });
  t.after(() => Promise.all([receiver.close(), proxy.close()]));
  const proxyUrl = `http://127.0.0.1:${proxy.port}`;
  const patient = callerFor(t, { policy, proxyUrl, resolve });
  assert.equal(
    (await post(patient, 'http://denied.example.com/')).error,
    'the egress proxy answered HTTP 403',
  );
  const caller = callerFor(t, { policy, proxyUrl, resolve, timeoutMs: 1_000 });
  assert.equal((await post(caller, 'http://hangs.example.com/')).error, 'timeout after 1 s');
  await eventually(() => assert.equal(proxy.open, 0));
  assert.equal((await post(patient, 'http://fine.example.com/')).status, 200);
  await patient.close();
  await proxy.close();
  const late = callerFor(t, { policy, proxyUrl, resolve });
  assert.equal((await post(late, 'http://fine.example.com/')).error, 'the egress proxy can not be reached');
  assert.equal(late.openConnections, 0);
});
