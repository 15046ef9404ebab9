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
    start: (signal) => startNatsServer({ dataDir, port, signal }),
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
  const always = await startNatsServer({ dataDir, syncAlways: true });
  await always.stop();
  assert.match(readFileSync(join(dataDir, 'nats-server.conf'), 'utf8'), /sync_interval: always/);
  const timed = await startNatsServer({ dataDir, maxFileStoreBytes: 64 * 1024 ** 2 });
  await timed.stop();
  assert.match(readFileSync(join(dataDir, 'nats-server.conf'), 'utf8'), /sync_interval: 2m\n/);
  assert.deepEqual(await timed.exited, { code: 0, signal: null });
});

test('a port in use ends the start with the server’s own reason', async (t) => {
  const first = await startNatsServer({ dataDir: temporaryDirectory() });
  t.after(() => first.stop());
  const second = startNatsServer({ dataDir: temporaryDirectory(), port: first.port });
  await assert.rejects(second, /nats-server ended while starting.*address already in use/s);
});

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
    socket.write('CONNECT {"verbose":false}\r\nSUB inbox 1\r\n');
    socket.write(`PUB ${subject} inbox ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  });
}

function temporaryDirectory(): string {
  return mkdtempSync(join(root, 'data-'));
}
