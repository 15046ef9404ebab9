import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Outcome } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { findNatsServer, pickFreePort } from '@millrace/embedded';
import { createMetricsRegistry } from '@millrace/runtime';
import { connectNats, createPublisher, type NatsConnection, shardSubject } from '@millrace/stores';
import { frameItem } from '@millrace/wire';
import { encodeEvent } from '../../test/events.ts';
import { testClock, testLog } from '../../test/stores.ts';
import type { AcceptItem } from './pack.ts';
import { type AcceptRole, createAcceptRole } from './role.ts';

/** A nats-server as it is out of the box: it takes messages of 1 MiB. */
const directory = mkdtempSync(join(tmpdir(), 'millrace-nats-default-'));
let server: ChildProcess;
let connection: NatsConnection;
let accept: AcceptRole;
const registry = createMetricsRegistry({ service: 'test', version: '0' });

before(async () => {
  const port = await pickFreePort();
  const binary = await findNatsServer({ env: process.env, log: () => undefined });
  server = spawn(binary, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory], {
    stdio: 'ignore',
  });
  for (let look = 0; !(await listens(port)) && look < 200; look++) await delay(50);
  connection = await connectNats({ url: `nats://127.0.0.1:${port}`, name: 'test', log: testLog });
  accept = await createAcceptRole({
    connection,
    config: {
      STREAM_SHARDS: 1,
      NATS_REPLICAS: 1,
      STREAM_MAX_BYTES: 2 ** 28,
      DEDUP_WINDOW_DAYS: 7,
      DEDUP_ACCEPT_KEYS: 1_000,
    },
    registry,
    clock: testClock,
    tracing: { enabled: false, start: () => undefined, close: async () => undefined },
    log: testLog,
  });
});
after(async () => {
  await accept?.close();
  await connection?.close();
  if (server && server.exitCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  rmSync(directory, { recursive: true, force: true });
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });
}

function item(id: string, payloadBytes: number): AcceptItem {
  const event = Buffer.concat([encodeEvent({ id }), Buffer.from([0x62]), varint(payloadBytes)]);
  const fields = {
    event: Buffer.concat([event, Buffer.alloc(payloadBytes, ' ')]),
    dedupKey: '',
    bodyHash: '',
    eventId: id,
  };
  return { framed: frameItem(fields), ...fields };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

test('a batch above max_payload is stored, in messages that fit', async () => {
  const items = Array.from({ length: 30 }, (_, i) => item(`e${i}`, 100_000));
  const { outcomes } = await accept.accept(items, []);
  assert.deepEqual(new Set(outcomes), new Set([Outcome.ACCEPTED]));
  const manager = await connection.jetstreamManager();
  assert.equal((await manager.streams.info('EVENTS')).state.messages, 3);
});

test('an event that fits no message is refused in words, and what comes next is stored', async () => {
  await assert.rejects(accept.accept([item('large', 1024 * 1024)], []), {
    code: 'unavailable',
    message: /an event of 1\d{6} bytes is larger than the event store is set up for \(1048576 bytes/,
  });
  const { outcomes } = await accept.accept([item('next', 10)], []);
  assert.deepEqual([...outcomes], [Outcome.ACCEPTED]);
});

test('what the client refuses to send is the answer of that call alone and never leaves a timer', async () => {
  const publisher = createPublisher({
    connection,
    log: testLog,
    deadlineMs: 2_000,
    attemptMs: 200,
    maxPending: 10,
    monotonic: testClock.monotonic,
  });
  const subject = shardSubject({ count: 1, index: 0 });
  await assert.rejects(
    publisher.publish({ subject, payload: Buffer.alloc(2 ** 21), messageId: 'too-large' }),
    {
      code: 'unavailable',
    },
  );
  assert.deepEqual(publisher.waiting, { messages: 0, bytes: 0 });
  // Several rounds of the sweep that would send it again.
  await delay(600);
  await publisher.publish({ subject, payload: Buffer.from('x'), messageId: 'small' });
  publisher.close();
});

test('metrics say how long publishing takes, what waits and what room there is', async () => {
  for (let look = 0; look < 100; look++) {
    if (/millrace_stream_used_bytes [1-9]/.test(await registry.metrics())) break;
    await delay(50);
  }
  const metrics = await registry.metrics();
  assert.match(metrics, /millrace_accept_publish_duration_seconds_count [1-9]/);
  assert.match(metrics, /millrace_accept_waiting_messages 0/);
  assert.match(metrics, /millrace_accept_waiting_bytes 0/);
  assert.match(metrics, /millrace_stream_used_bytes [1-9]\d{6}/);
  assert.match(metrics, /millrace_stream_max_bytes 268435456/);
});
