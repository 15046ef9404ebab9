import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pickFreePort } from './free-port.ts';
import { startNatsServer } from './nats-server.ts';
import { supervise } from './supervisor.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-nats-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('messages survive kill -9, on the same port, with a supervisor that starts the server again', async (t) => {
  const dataDir = temporaryDirectory();
  const port = await pickFreePort();
  const restarted = Promise.withResolvers<void>();
  const supervised = await supervise({
    name: 'nats-server',
    start: (signal) => startNatsServer({ password: 'a-password-of-tests', dataDir, port, signal }),
    onRestart: () => restarted.resolve(),
    log: () => undefined,
  });
  t.after(() => supervised.stop());
  const stream = {
    name: 'EVENTS',
    subjects: ['events'],
    storage: 'file',
    retention: 'limits',
    discard: 'new',
  };
  assert.match(await ask(port, '$JS.API.STREAM.CREATE.EVENTS', JSON.stringify(stream)), /"created"/);
  assert.match(await ask(port, 'events', 'an event'), /"seq":1/);
  process.kill(supervised.current.pid, 'SIGKILL');
  await restarted.promise;
  assert.match(await ask(port, '$JS.API.STREAM.INFO.EVENTS', ''), /"messages":1,/);
});

test('syncAlways is the server’s own setting, and the default leaves fsync to its timer', async () => {
  const dataDir = temporaryDirectory();
  const always = await startNatsServer({ password: 'a-password-of-tests', dataDir, syncAlways: true });
  await always.stop();
  assert.match(readFileSync(join(dataDir, 'nats-server.conf'), 'utf8'), /sync_interval: always/);
  const timed = await startNatsServer({
    password: 'a-password-of-tests',
    dataDir,
    maxFileStoreBytes: 64 * 1024 ** 2,
  });
  await timed.stop();
  assert.match(readFileSync(join(dataDir, 'nats-server.conf'), 'utf8'), /sync_interval: 2m\n/);
  assert.deepEqual(await timed.exited, { code: 0, signal: null });
});

test('a port in use ends the start with the server’s own reason', async (t) => {
  const first = await startNatsServer({ password: 'a-password-of-tests', dataDir: temporaryDirectory() });
  t.after(() => first.stop());
  const second = startNatsServer({
    password: 'a-password-of-tests',
    dataDir: temporaryDirectory(),
    port: first.port,
  });
  await assert.rejects(second, /nats-server ended while starting.*address already in use/s);
});

test('nobody is let in without the password', async (t) => {
  const server = await startNatsServer({ password: 'a-password-of-tests', dataDir: temporaryDirectory() });
  t.after(() => server.stop());
  for (const who of ['', '"user":"millrace"', '"user":"millrace","pass":"another-password"']) {
    assert.match(await saying(server.port, `CONNECT {${who}}\r\nPING\r\n`), /Authorization Violation/, who);
  }
  const welcome = '"user":"millrace","pass":"a-password-of-tests","verbose":false';
  assert.match(await saying(server.port, `CONNECT {${welcome}}\r\nPING\r\n`), /PONG/);
});

/** What the server says after its greeting. */
function saying(port: number, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (!/PONG|-ERR/.test(received)) return;
      socket.destroy();
      resolve(received);
    });
    socket.write(words);
  });
}

/** Asks by hand: the client library belongs to the package that talks to the stores. */
function ask(port: number, subject: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      received += chunk;
      const answer = /MSG inbox 1 (\d+)\r\n(.*)\r\n/s.exec(received)?.[2];
      if (answer === undefined) return;
      socket.destroy();
      resolve(answer);
    });
    socket.write(
      'CONNECT {"verbose":false,"user":"millrace","pass":"a-password-of-tests"}\r\nSUB inbox 1\r\n',
    );
    socket.write(`PUB ${subject} inbox ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  });
}

function temporaryDirectory(): string {
  return mkdtempSync(join(root, 'data-'));
}
