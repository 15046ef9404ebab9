// Runs in a browser: `open-page.ts` bundles it, Node only reads its types.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import {
  EventService,
  IngestRequestSchema,
  IngestResponseSchema,
} from '@millrace/contracts/millrace/api/v1/event';
import { GrpcWebClientBase, MethodDescriptor, MethodType, RpcError } from 'grpc-web';

/** What the page is to call, and with what. */
export interface PageTask {
  /** Of the API. */
  readonly url: string;
  readonly key: string;
  readonly externalEventToken: string;
  readonly workspaceId: string;
  /** What the type of each event begins with; it ends with the name of the call. */
  readonly typePrefix: string;
}

/** What came of a call, as far as the browser lets the page know. */
export type CallOutcome = { readonly value: unknown } | { readonly failure: unknown };

/** By the name of the call. */
export type PageReport = Readonly<Record<string, CallOutcome>>;

type Calls = Record<string, (eventType: string) => Promise<unknown>>;

const TIMEOUT_MS = 30_000;
const WRONG_KEY = `evp_${'x'.repeat(43)}`;
const LARGE_BYTES = 2 * 1024 ** 2;

// The page's own server has made it.
const task = (await (await fetch('/task')).json()) as PageTask;

/** Google's generator makes a class of each message; this one holds the bytes of one of ours. */
class Encoded {
  bytes = new Uint8Array();
}

await fetch('/report', { method: 'POST', body: JSON.stringify(await makeCalls()) });

async function makeCalls(): Promise<PageReport> {
  const calls: Calls = {
    ...connectCalls('connect', createConnectTransport({ baseUrl: task.url })),
    ...connectCalls('connect-binary', createConnectTransport({ baseUrl: task.url, useBinaryFormat: true })),
    ...connectCalls('connect-grpc-web', createGrpcWebTransport({ baseUrl: task.url })),
    ...googleCalls(),
    ...plainCalls(),
  };
  const report: Record<string, CallOutcome> = {};
  for (const [name, call] of Object.entries(calls)) {
    report[name] = await Promise.race([call(`${task.typePrefix}${name}`), tooLate()]).then(
      (value) => ({ value }),
      (error: unknown) => ({ failure: whatIsKnownOf(error) }),
    );
  }
  return report;
}

function tooLate(): Promise<never> {
  return new Promise((_, reject) => setTimeout(reject, TIMEOUT_MS, new Error('no answer')));
}

function connectCalls(name: string, transport: Transport): Calls {
  const ingest = async (key: string, type: string) => {
    const options = { headers: { 'x-api-key': key }, timeoutMs: TIMEOUT_MS };
    const { results } = await createClient(EventService, transport).ingest({ events: [{ type }] }, options);
    return results.map(({ status }) => status);
  };
  return {
    [name]: (type) => ingest(task.key, type),
    [`${name}-wrong-key`]: (type) => ingest(WRONG_KEY, type),
    async [`${name}-stream`]() {
      for await (const { status } of createClient(Health, transport).watch({}, { timeoutMs: TIMEOUT_MS })) {
        return status;
      }
      return 'nothing came';
    },
  };
}

function encoded(bytes: Uint8Array): Encoded {
  return Object.assign(new Encoded(), { bytes });
}

/** No stream: this client has them in its format `text` alone, base64, which Connect's servers don't speak. */
function googleCalls(): Calls {
  const client = new GrpcWebClientBase({ format: 'binary' });
  const path = `/${EventService.typeName}/${EventService.method.ingest.name}`;
  const encode = ({ bytes }: Encoded) => bytes;
  const method = new MethodDescriptor(path, MethodType.UNARY, Encoded, Encoded, encode, encoded);
  const ingest = async (key: string, type: string) => {
    const request = toBinary(IngestRequestSchema, create(IngestRequestSchema, { events: [{ type }] }));
    const metadata = { 'x-api-key': key, deadline: String(Date.now() + TIMEOUT_MS) };
    const answer = await client.unaryCall(`${task.url}${path}`, encoded(request), metadata, method);
    return fromBinary(IngestResponseSchema, answer.bytes).results.map(({ status }) => status);
  };
  return {
    'google-grpc-web': (type) => ingest(task.key, type),
    'google-grpc-web-wrong-key': (type) => ingest(WRONG_KEY, type),
  };
}

/** What a page does with nothing but the browser. */
function plainCalls(): Calls {
  const json = { 'content-type': 'application/json' };
  const withKey = { ...json, 'x-api-key': task.key };
  const eventOf = (eventType: string) =>
    JSON.stringify({ eventType, userId: 'u', sessionId: 's', timestamp: new Date().toISOString() });
  const send = async (path: string, body: string | Blob, headers: Record<string, string>) => {
    const answer = await fetch(`${task.url}${path}`, { method: 'POST', headers, body });
    return { status: answer.status, id: answer.headers.get('x-request-id'), body: await answer.json() };
  };
  return {
    fetch: (type) => send('/api/v1/events', eventOf(type), withKey),
    'fetch-wrong-key': (type) => send('/api/v1/events', eventOf(type), { ...json, 'x-api-key': WRONG_KEY }),
    'fetch-too-large': (type) => send('/api/v1/events', eventOf(type).padEnd(LARGE_BYTES), withKey),
    'fetch-no-path': () => send('/no/such/path', '{}', json),
    async 'fetch-gzip'(type) {
      const plain = new Blob([JSON.stringify([{ type }])]).stream();
      const packed = await new Response(plain.pipeThrough(new CompressionStream('gzip'))).blob();
      return send('/v1/ingest', packed, {
        ...json,
        'content-encoding': 'gzip',
        'idempotency-key': type,
        authorization: `Bearer ${task.key}`,
      });
    },
    beacon: async (type) =>
      sendBeacon(
        `/api/external-event/${task.workspaceId}?key=${task.externalEventToken}`,
        JSON.stringify({ type, payload: {} }),
      ),
    'beacon-of-analytics': async (type) => sendBeacon(`/api/v1/events?key=${task.key}`, eventOf(type)),
  };
}

/** Whether the browser will send it; the answer is nobody's. */
function sendBeacon(path: string, body: string): boolean {
  // Node's types know a navigator without it.
  const browser = navigator as Navigator & { sendBeacon(url: string, data: Blob): boolean };
  return browser.sendBeacon(`${task.url}${path}`, new Blob([body], { type: 'text/plain' }));
}

function whatIsKnownOf(error: unknown): unknown {
  if (error instanceof ConnectError) {
    return { code: Code[error.code], message: error.rawMessage, id: error.metadata.get('x-request-id') };
  }
  if (error instanceof RpcError) {
    return { code: error.code, message: error.message };
  }
  return String(error);
}
