import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { EventService, IngestStreamRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { HANGING_TYPE, type RpcBench, startRpcBench } from '../../test/rpc-harness.ts';

let bench: RpcBench;
before(async () => {
  const unused = () => Promise.reject(new Error('not used'));
  bench = await startRpcBench({
    deadlines: { unaryMs: 2_000, streamIdleMs: 2_000 },
    events: {
      submit: unused,
      submitAll: unused,
      // Longer than a timer that has overflowed, far shorter than our deadline.
      async submitEach(batch) {
        await sleep(batch[0]?.eventType === HANGING_TYPE ? 60_000 : 50, undefined, { ref: false });
        return batch.map(({ eventId }) => ({ kind: 'accepted' as const, eventId }));
      },
    },
  });
});
after(() => bench.close());

/** A client of each protocol that sends this deadline, whatever the library would. */
const CLIENTS = {
  connect: (deadline: string) => {
    const interceptors = [sending('connect-timeout-ms', deadline)];
    return createClient(
      EventService,
      createConnectTransport({ baseUrl: bench.url, httpVersion: '2', interceptors }),
    );
  },
  gRPC: (deadline: string) => {
    const interceptors = [sending('grpc-timeout', deadline)];
    return createClient(EventService, createGrpcTransport({ baseUrl: bench.url, interceptors }));
  },
  'gRPC-Web': (deadline: string) => {
    const interceptors = [sending('grpc-timeout', deadline)];
    return createClient(
      EventService,
      createGrpcWebTransport({ baseUrl: bench.url, httpVersion: '1.1', interceptors }),
    );
  },
} as const;

function sending(header: string, deadline: string): Interceptor {
  return (next) => (request) => {
    request.header.set(header, deadline);
    request.header.set('x-api-key', 'writer');
    return next(request);
  };
}

type Protocol = keyof typeof CLIENTS;

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (thrown) {
    return ConnectError.from(thrown).code;
  }
}

function ingest(protocol: Protocol, deadline: string, type = 't') {
  return codeOf(CLIENTS[protocol](deadline).ingest({ events: [{ type }] }));
}

function stream(protocol: Protocol, deadline: string) {
  async function* messages() {
    yield create(IngestStreamRequestSchema, { events: [{ type: 't' }] });
  }
  return codeOf(CLIENTS[protocol](deadline).ingestStream(messages()));
}

const LONG: readonly (readonly [Protocol, string])[] = [
  ['connect', '2147483647'],
  ['connect', '2147483648'],
  ['connect', '4294967296'],
  ['connect', '9999999999'],
  ...(['gRPC', 'gRPC-Web'] as const).flatMap((protocol) =>
    ['596H', '597H', '99999999H', '99999999M', '99999999S', '99999999m', '3600000m'].map(
      (deadline) => [protocol, deadline] as const,
    ),
  ),
];

for (const [protocol, deadline] of LONG) {
  test(`${protocol}: a deadline of ${deadline} is cut to ours`, async () => {
    assert.equal(await ingest(protocol, deadline), undefined);
    assert.equal(await stream(protocol, deadline), undefined);
  });
}

test('our own deadline holds where the caller asks for a longer one', async () => {
  assert.equal(await ingest('connect', '9999999999', HANGING_TYPE), Code.DeadlineExceeded);
});

const NONE: readonly (readonly [Protocol, readonly string[]])[] = [
  ['connect', ['0', '000', '-1', '1.5', '1e3', 'soon', '10000000000']],
  ['gRPC', ['0S', '000m', '0n', '-1S', '1', 'S', '1s', '1.5S', '100000000m', 'soon']],
  ['gRPC-Web', ['0S', '0n', '-1S', '1', '1.5S', '100000000m', 'soon']],
];

for (const [protocol, deadlines] of NONE) {
  test(`${protocol}: invalid_argument for a deadline that is none`, async () => {
    for (const deadline of deadlines) {
      assert.equal(await ingest(protocol, deadline), Code.InvalidArgument, deadline);
      assert.equal(await stream(protocol, deadline), Code.InvalidArgument, deadline);
    }
  });
}

test('a deadline that is shorter than ours holds', async () => {
  for (const [protocol, deadline] of [
    ['connect', '20'],
    ['gRPC', '20m'],
    ['gRPC-Web', '20000u'],
  ] as const) {
    assert.equal(await ingest(protocol, deadline, HANGING_TYPE), Code.DeadlineExceeded, protocol);
  }
});
