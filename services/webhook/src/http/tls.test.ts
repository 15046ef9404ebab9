import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { createCertificateAuthority, eventually } from '@millrace/testkit';
import { callerFor, policyWith, post } from '../../test/caller.ts';
import { answer, answerOk, startReceiver } from '../../test/receiver.ts';

const authority = createCertificateAuthority('webhook-tls');
const stranger = createCertificateAuthority('webhook-stranger');
after(() => {
  for (const { directory } of [authority, stranger]) rmSync(directory, { recursive: true });
});
const ca = readFileSync(authority.ca, 'utf8');
const good = authority.issue('good');

test('a certificate of a known authority is taken, for a name and for an address', async (t) => {
  const receiver = await startReceiver(answerOk, { tls: good });
  t.after(() => receiver.close());
  const caller = callerFor(t, { ca });
  for (const host of ['localhost', '127.0.0.1']) {
    const result = await post(caller, `https://${host}:${receiver.port}/hook`);
    assert.deepEqual([result.status, result.error], [200, undefined], host);
    assert.equal(result.address, `127.0.0.1:${receiver.port}`);
  }
  await Promise.all(Array.from({ length: 5 }, () => post(caller, receiver.url)));
  await caller.close();
  await eventually(() => assert.equal(receiver.open, 0));
});

const WRONG = [
  [
    'an expired one',
    authority.issue('expired', { expired: true }),
    ca,
    'localhost',
    'the certificate has expired',
  ],
  [
    'one of an unknown authority',
    stranger.issue('strange'),
    ca,
    'localhost',
    'the certificate is from an unknown authority',
  ],
  [
    'one that the system does not know',
    good,
    undefined,
    'localhost',
    'the certificate is from an unknown authority',
  ],
  [
    'a self-signed one',
    { cert: stranger.ca, key: stranger.ca.replace('.pem', '.key') },
    ca,
    'localhost',
    'the certificate is self-signed',
  ],
  ['one for another name', good, ca, 'other.example.com', 'the certificate is for another name'],
  ['one for another address', good, ca, '127.0.0.2', 'the certificate is for another name'],
] as const;

for (const [what, tls, trusted, host, error] of WRONG) {
  test(`a receiver with ${what}: ${error}, and nothing is sent`, async (t) => {
    const receiver = await startReceiver(answerOk, { tls, host: '0.0.0.0' });
    t.after(() => receiver.close());
    const caller = callerFor(t, {
      ca: trusted,
      policy: policyWith({ allowPrivate: true }),
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    for (let i = 0; i < 2; i += 1) {
      const result = await post(caller, `https://${host}:${receiver.port}/hook`);
      assert.deepEqual([result.status, result.error, result.response.length], [0, error, 0]);
    }
    assert.equal(receiver.requests.length, 0);
    await eventually(() => assert.equal(receiver.open, 0));
    assert.equal(caller.openConnections, 0);
  });
}

test('a receiver that speaks no TLS, or stops within the handshake, ends with a reason', async (t) => {
  const plain = await startReceiver(answerOk, { onConnect: (socket) => socket.write(answer('no TLS')) });
  const silent = await startReceiver();
  const closing = await startReceiver(answerOk, {
    onConnect: (socket) => socket.once('data', () => socket.destroy()),
  });
  t.after(() => Promise.all([plain.close(), silent.close(), closing.close()]));
  const https = (port: number) => `https://localhost:${port}/hook`;
  const caller = callerFor(t, { ca, timeoutMs: 1_000 });
  assert.equal((await post(caller, https(silent.port))).error, 'timeout after 1 s');
  assert.equal(caller.openConnections, 0);
  await eventually(() => assert.equal(silent.open, 0));
  const patient = callerFor(t, { ca });
  assert.equal((await post(patient, https(plain.port))).error, 'TLS failed');
  assert.equal((await post(patient, https(closing.port))).error, 'connection reset');
  assert.equal(patient.openConnections, 0);
});

test('a session is resumed by the next connection', async (t) => {
  const receiver = await startReceiver(
    (socket) =>
      socket.end(
        answer(
          'isSessionReused' in socket && typeof socket.isSessionReused === 'function'
            ? String(socket.isSessionReused())
            : '',
        ),
      ),
    { tls: good },
  );
  t.after(() => receiver.close());
  const caller = callerFor(t, { ca });
  const bodies: string[] = [];
  for (let i = 0; i < 10; i += 1) bodies.push((await post(caller, receiver.url)).response.toString());
  assert.equal(bodies[0], 'false');
  // Sessions are held weakly: a garbage collection may take one.
  assert.ok(bodies.includes('true'), bodies.join(' '));
});
