import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, type JsonObject, toBinary, toJsonString } from '@bufbuild/protobuf';
import { IngestRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { createLogger } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { type RpcBench, startRpcBench } from '../../test/rpc-harness.ts';

const logged: string[] = [];
let bench: RpcBench;
before(async () => {
  const destination = { write: (line: string) => void logged.push(line) };
  bench = await startRpcBench({ log: createLogger({ service: 'edge', level: 'warn', destination }) });
});
after(() => bench.close());

const deepStruct = (levels: number): JsonObject => (levels <= 1 ? {} : { a: deepStruct(levels - 1) });
const deep = create(IngestRequestSchema, {
  events: [{ type: 't', data: { case: 'payload', value: deepStruct(200) } }],
});
const good = create(IngestRequestSchema, { events: [{ type: 't' }] });
const goodBinary = Buffer.from(toBinary(IngestRequestSchema, good));
const goodJson = Buffer.from(toJsonString(IngestRequestSchema, good));
const gzipped = gzipSync(Buffer.alloc(4_000, 'x'));
const spoiled = Buffer.from(gzipped);
spoiled.writeUInt32LE(0, spoiled.length - 8);

interface Damage {
  readonly body: Buffer;
  readonly encoding?: 'gzip' | 'br';
}

const BINARY: Readonly<Record<string, Damage>> = {
  'bytes that are no protobuf': { body: Buffer.from('this is no protobuf') },
  'a message cut off': { body: goodBinary.subarray(0, -1) },
  'text that is not UTF-8': { body: Buffer.from([0x0a, 0x04, 0x12, 0x02, 0xff, 0xfe]) },
  'a Struct nested 200 deep': { body: Buffer.from(toBinary(IngestRequestSchema, deep)) },
  ...compressions(goodBinary),
};
const JSON_BODIES: Readonly<Record<string, Damage>> = {
  'bytes that are no JSON': { body: Buffer.from('this is no JSON') },
  'a message cut off': { body: goodJson.subarray(0, -1) },
  'text that is not UTF-8': { body: Buffer.from('{"events":[{"type":"\xff"}]}', 'latin1') },
  'a Struct nested 200 deep': { body: Buffer.from(toJsonString(IngestRequestSchema, deep)) },
  ...compressions(goodJson),
};

function compressions(body: Buffer): Record<string, Damage> {
  return {
    'gzip that is none': { body: Buffer.from('rubbish, and more rubbish'), encoding: 'gzip' },
    'gzip cut off': { body: gzipSync(body).subarray(0, -4), encoding: 'gzip' },
    'gzip with a wrong checksum': { body: spoiled, encoding: 'gzip' },
    'brotli that is none': { body: Buffer.from('rubbish, and more rubbish'), encoding: 'br' },
    'brotli cut off': { body: brotliCompressSync(Buffer.alloc(4_000, body)).subarray(0, -2), encoding: 'br' },
  };
}

interface Answer {
  readonly code: string;
  readonly message: string;
}

/** Sends a body over HTTP/2 as it is, and reads all of the answer. */
async function send(path: string, headers: Record<string, string>, body: Buffer) {
  const session = connect(bench.url);
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, 'x-api-key': 'writer', ...headers });
    stream.end(body);
    const trailers: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(trailers, received));
    stream.on('trailers', (received) => Object.assign(trailers, received));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    return { trailers, text: Buffer.concat(chunks).toString() };
  } finally {
    session.close();
  }
}

function enveloped({ body, encoding }: Damage): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(encoding ? 1 : 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** How each protocol sends a message and tells of an error. */
const PROTOCOLS: Readonly<
  Record<string, (method: string, format: 'proto' | 'json', damage: Damage) => Promise<Answer | undefined>>
> = {
  async connect(method, format, damage) {
    if (method !== 'Ingest') {
      const { text } = await send(
        path(method),
        {
          'content-type': `application/connect+${format}`,
          ...(damage.encoding && { 'connect-content-encoding': damage.encoding }),
        },
        enveloped(damage),
      );
      // A message of results may come first.
      return JSON.parse(text.slice(text.indexOf('{"error"'))).error;
    }
    const { text } = await send(
      path(method),
      {
        'content-type': `application/${format}`,
        ...(damage.encoding && { 'content-encoding': damage.encoding }),
      },
      damage.body,
    );
    return JSON.parse(text);
  },
  async grpc(method, format, damage) {
    const { trailers } = await send(
      path(method),
      {
        'content-type': `application/grpc+${format}`,
        ...(damage.encoding && { 'grpc-encoding': damage.encoding }),
      },
      enveloped(damage),
    );
    return {
      code: nameOf(trailers['grpc-status']),
      message: decodeURIComponent(`${trailers['grpc-message']}`),
    };
  },
  async 'grpc-web'(method, format, damage) {
    const { text } = await send(
      path(method),
      {
        'content-type': `application/grpc-web+${format}`,
        ...(damage.encoding && { 'grpc-encoding': damage.encoding }),
      },
      enveloped(damage),
    );
    const field = (name: string) => new RegExp(`${name}: (.*)\r\n`).exec(text)?.[1] ?? '';
    return { code: nameOf(field('grpc-status')), message: decodeURIComponent(field('grpc-message')) };
  },
};

function path(method: string): string {
  return `/millrace.api.v1.EventService/${method}`;
}

function nameOf(status: unknown): string {
  return String(status) === '3' ? 'invalid_argument' : `status ${status}`;
}

for (const [protocol, call] of Object.entries(PROTOCOLS)) {
  for (const method of ['Ingest', 'IngestStream']) {
    for (const [format, bodies] of [
      ['proto', BINARY],
      ['json', JSON_BODIES],
    ] as const) {
      test(`invalid_argument, told plainly and logged nowhere: ${protocol} ${method} ${format}`, async () => {
        for (const [what, damage] of Object.entries(bodies)) {
          logged.length = 0;
          bench.calls.length = 0;
          const answer = await call(method, format, damage);
          assert.equal(answer?.code, 'invalid_argument', `${what}: ${answer?.message}`);
          assert.doesNotMatch(answer?.message ?? '', /^parse |internal|undefined/, what);
          assert.deepEqual(logged, [], what);
          assert.deepEqual(await nextCall(), `millrace.api.v1.EventService ${method} INVALID_ARGUMENT`, what);
        }
      });
    }
  }
}

/** The call is counted when its connection is done with it. */
function nextCall(): Promise<string> {
  return eventually(() => bench.calls[0] ?? assert.fail('no call is counted'));
}
