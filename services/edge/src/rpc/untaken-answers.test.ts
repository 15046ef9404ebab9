import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { EventService, IngestStreamRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { type RpcBench, startRpcBench } from '../../test/rpc-harness.ts';

const SERVICE = `/${EventService.typeName}`;
const WATCH_PATH = '/grpc.health.v1.Health/Watch';
const EMPTY_MESSAGE = Buffer.alloc(5);
/** Answered by more than every buffer on the way to a client that doesn't read. */
const MESSAGES = 100;
const EVENTS = Array.from({ length: 1_000 }, () => ({ id: 'x'.repeat(128), type: 't' }));

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({ deadlines: { answerMs: 100, unaryMs: 100, streamIdleMs: 10_000 } });
});
after(() => bench.close());

/** The first of the calls' records that is new. */
async function nextCall(known: number): Promise<string | undefined> {
  for (let tries = 0; bench.calls.length <= known && tries < 4_000; tries++) await sleep(5);
  return bench.calls[known];
}

for (const [path, type] of [
  [`${SERVICE}/Ingest`, 'application/json'],
  [`${SERVICE}/Ingest`, 'application/grpc'],
  [`${SERVICE}/Ingest`, 'application/grpc-web+proto'],
  [WATCH_PATH, 'application/connect+proto'],
  [WATCH_PATH, 'application/grpc'],
  [WATCH_PATH, 'application/grpc-web+proto'],
] as const) {
  test(`an answer that no window is given for ends its stream: ${path}, ${type}`, async () => {
    const session = connectHttp2(bench.url, { settings: { initialWindowSize: 0 } });
    const headers = { 'content-type': type, 'x-api-key': 'writer' };
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.on('error', () => undefined);
    stream.end(type === 'application/json' ? '{"events":[{"type":"t"}]}' : EMPTY_MESSAGE);
    await new Promise((resolve) => stream.once('close', resolve));
    assert.notEqual(stream.rstCode, 0);
    session.destroy();
  });
}

for (const type of ['application/connect+proto', 'application/grpc-web+proto']) {
  test(`an answer that nobody reads ends its HTTP/1.1 connection: ${type}`, async () => {
    const known = bench.calls.length;
    const message = toBinary(
      IngestStreamRequestSchema,
      create(IngestStreamRequestSchema, { events: EVENTS }),
    );
    const envelope = Buffer.concat([EMPTY_MESSAGE, message]);
    envelope.writeUInt32BE(message.length, 1);
    const socket = connect(Number(new URL(bench.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    const head = [
      `POST ${SERVICE}/IngestStream HTTP/1.1`,
      'Host: x',
      `Content-Type: ${type}`,
      'X-API-Key: writer',
      `Content-Length: ${MESSAGES * envelope.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    for (let i = 0; i < MESSAGES; i++) socket.write(envelope);
    // The server has given up, or the record would not be there.
    assert.equal(await nextCall(known), 'millrace.api.v1.EventService IngestStream CANCELED');
    socket.destroy();
    assert.equal(bench.bodies.used(), 0);
  });
}
