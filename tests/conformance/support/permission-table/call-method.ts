import assert from 'node:assert/strict';
import {
  create,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
  toJsonString,
} from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Answer, Presented } from './operations.ts';
import type { SampleRequest } from './sample-request.ts';

const TIMEOUT_MS = 20_000;

/** The HTTP statuses that the codes of refusals stand for. */
const STATUSES: Readonly<Partial<Record<Code, number>>> = {
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.InvalidArgument]: 400,
  [Code.FailedPrecondition]: 409,
  [Code.AlreadyExists]: 409,
  [Code.ResourceExhausted]: 429,
};

/** Calls a method over Connect with JSON, and answers the first message of a stream; only one that lasts is left then. */
export async function callMethod(
  url: string,
  method: DescMethod,
  { sample, presented }: { sample: SampleRequest; presented: Presented },
): Promise<Answer> {
  // Some streams end only with their connection, and a server that stops would wait for them.
  const { transport, end } = sample.lasts ? connect(url) : shared(url);
  const headers = presented && present(presented);
  try {
    const answer = await firstAnswer(transport, method, { sample, headers });
    return { status: 200, text: answer === undefined ? '' : toJsonString(method.output, answer) };
  } catch (error) {
    const { code, message } = ConnectError.from(error);
    return { status: STATUSES[code] ?? 500, text: message };
  } finally {
    if (sample.lasts) end();
  }
}

function connect(url: string): { readonly transport: Transport; end(): void } {
  const sessionManager = new Http2SessionManager(url);
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '2',
    useBinaryFormat: false,
    sessionManager,
  });
  return { transport, end: () => sessionManager.abort() };
}

const connections = new Map<string, ReturnType<typeof connect>>();

/** One connection to each server for all calls that end by themselves. */
function shared(url: string): ReturnType<typeof connect> {
  const known = connections.get(url) ?? connect(url);
  connections.set(url, known);
  return known;
}

async function firstAnswer(
  transport: Transport,
  method: DescMethod,
  { sample, headers }: { sample: SampleRequest; headers: Headers | undefined },
): Promise<Message | undefined> {
  // Not as a deadline of the call: its timer would outlive a stream that is left.
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const request = create(method.input, { ...sample.body });
  if (isUnary(method)) {
    return (await transport.unary(method, signal, undefined, headers, request)).message;
  }
  assert.ok(isStreaming(method));
  async function* requests() {
    yield request;
  }
  const answers = await transport.stream(method, signal, undefined, headers, requests());
  let first: Message | undefined;
  for await (const message of answers.message) {
    first ??= message;
    if (sample.lasts) break;
  }
  return first;
}

function present({ place, secret }: NonNullable<Presented>): Headers {
  return place === 'apiKey'
    ? new Headers({ 'x-api-key': secret })
    : new Headers({ authorization: `Bearer ${secret}` });
}

function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === 'unary';
}

function isStreaming(method: DescMethod): method is DescMethod & DescMethodStreaming {
  return method.methodKind !== 'unary';
}
