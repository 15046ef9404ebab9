import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { after, before, beforeEach, describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RunSqlResponseSchema, SqlFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { SqlAnswers } from '../../../src/clients/analytics-streams.ts';
import { granting } from '../../../test/granting.ts';
import { startHttpBench } from '../../../test/http-bench.ts';
import { inertDeps } from '../../../test/inert-deps.ts';
import { sqlApi } from './routes.ts';

const HEADERS = { 'x-api-key': 'reader', 'content-type': 'application/json' };
const BODY = JSON.stringify({ query: 'SELECT 1', params: { a: [1, 'x', null] } });

type Request = Parameters<SqlAnswers['runSql']>[0];
let bench: Awaited<ReturnType<typeof startHttpBench>>;
let answer: (signal: AbortSignal) => AsyncGenerator<string | Uint8Array>;
let requests: Request[] = [];
let ended = false;
let given = 0;

const sql: SqlAnswers = {
  async *runSql(request, signal) {
    requests.push(request);
    try {
      for await (const part of answer(signal)) {
        given++;
        yield create(RunSqlResponseSchema, { part: Buffer.from(part) });
      }
    } finally {
      ended = true;
    }
  },
};

before(async () => {
  const credentials = granting({
    reader: {
      kind: 'granted',
      credentialId: 'key-1',
      workspaceId: 'workspace-1',
      userId: '',
      permissions: new Set(['events:read']),
      credentialKind: CredentialKind.SECRET_KEY,
      expiresAtMs: undefined,
      rateLimit: undefined,
    },
  });
  bench = await startHttpBench(sqlApi.routes({ ...inertDeps, sql }), {
    gate: { credentials, limits: inertDeps.limits },
  });
});
beforeEach(() => {
  requests = [];
  ended = false;
  given = 0;
});
after(() => bench.close());

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

const post = async (headers: Record<string, string> = {}, body = BODY) => {
  const response = await fetch(`${bench.url}/v1/sql`, {
    method: 'POST',
    headers: { ...HEADERS, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, text: () => response.text() };
};

async function* parts(...all: string[]) {
  yield* all;
}

/** Parts without an end, until nobody wants more. */
async function* endless(signal: AbortSignal) {
  const part = Buffer.alloc(64 * 1024, 'x');
  while (!signal.aborted) yield part;
}

test('200: the parts, one behind the other, of the caller’s workspace', async () => {
  answer = () => parts('{"columns":[],', '"rows":[]}');
  const response = await post();
  assert.deepEqual(
    [response.status, response.headers.get('content-type'), response.headers.get('cache-control')],
    [200, 'application/json; charset=utf-8', 'no-store'],
  );
  assert.equal(await response.text(), '{"columns":[],"rows":[]}');
  const [request] = requests;
  assert.equal(request?.workspaceId, 'workspace-1');
  assert.deepEqual((request as { format?: SqlFormat }).format, SqlFormat.UNSPECIFIED);
});

test('the form is the first that Accept names and there is, or what the body names', async () => {
  answer = () => parts('x');
  const asked: [accept: string | undefined, body: string, format: SqlFormat, type: string][] = [
    [undefined, BODY, SqlFormat.UNSPECIFIED, 'application/json; charset=utf-8'],
    ['*/*', BODY, SqlFormat.UNSPECIFIED, 'application/json; charset=utf-8'],
    ['text/html, Text/CSV;q=0.5', BODY, SqlFormat.CSV, 'text/csv; charset=utf-8'],
    ['application/x-ndjson', BODY, SqlFormat.NDJSON, 'application/x-ndjson'],
    [
      'text/csv',
      '{"query":"SELECT 1","format":"parquet"}',
      SqlFormat.PARQUET,
      'application/vnd.apache.parquet',
    ],
  ];
  for (const [accept, body, format, type] of asked) {
    const response = await post(accept === undefined ? {} : { accept }, body);
    assert.equal(response.headers.get('content-type'), type);
    await response.text();
    assert.equal((requests.at(-1) as { format?: SqlFormat }).format, format);
  }
});

describe('what the service refuses', () => {
  const failing = (error: Error) => {
    // biome-ignore lint/correctness/useYield: it fails before there is anything.
    answer = async function* () {
      throw error;
    };
  };
  const refusals = [
    [fieldError('query', 'may not call file'), 400, null, 'query: may not call file'],
    [new MillraceError('resource_exhausted', 'too many'), 503, '5', 'Not available now, try again'],
    [new MillraceError('unavailable', 'away'), 503, '1', 'Not available now, try again'],
    [new MillraceError('unimplemented', 'SQL is not set up here'), 503, '60', 'SQL is not set up here'],
    [new MillraceError('internal', 'secret'), 500, null, 'Internal server error'],
  ] as const;
  for (const [error, status, retryAfter, detail] of refusals) {
    test(`${error.code} is ${status}`, async () => {
      failing(error);
      const response = await post();
      assert.deepEqual(
        [response.status, response.headers.get('retry-after'), response.headers.get('content-type')],
        [status, retryAfter, 'application/problem+json'],
      );
      assert.equal(JSON.parse(await response.text()).detail, detail);
    });
  }
});

test('an answer that breaks off is cut for the client to see', async () => {
  answer = async function* () {
    yield 'half';
    throw new MillraceError('unavailable', 'gone');
  };
  const response = await post();
  assert.equal(response.status, 200);
  await assert.rejects(response.text(), TypeError);
});

describe('over HTTP/1.1', () => {
  const open = async (): Promise<IncomingMessage> => {
    const outgoing = httpRequest(`${bench.url}/v1/sql`, { method: 'POST', headers: HEADERS, agent: false });
    outgoing.end(BODY);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    return response;
  };

  test('who does not read holds the service back, and who leaves ends it', async () => {
    answer = endless;
    const response = await open();
    let before = -1;
    // Given parts rest in buffers, until those are full.
    while (given !== before) {
      before = given;
      for (let i = 0; i < 2_000; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(given < 1_000, `${given} parts of 64 KiB were given to somebody who reads none`);
    assert.ok(!ended);
    response.destroy();
    await until(() => ended);
  });
});

describe('over HTTP/2', () => {
  const open = async (): Promise<{ stream: ClientHttp2Stream; close: () => void }> => {
    const session = connect(bench.url);
    const stream = session.request({ ':method': 'POST', ':path': '/v1/sql', ...HEADERS });
    stream.on('error', () => undefined);
    stream.end(BODY);
    const [head] = (await once(stream, 'response')) as [{ ':status': number }];
    assert.equal(head[':status'], 200);
    return { stream, close: () => session.destroy() };
  };

  test('all parts come, in order', async (t) => {
    answer = () => parts('a', 'b', 'c');
    const { stream, close } = await open();
    t.after(close);
    let text = '';
    for await (const chunk of stream) text += chunk;
    assert.equal(text, 'abc');
  });

  test('who leaves ends it', async (t) => {
    answer = endless;
    const { stream, close } = await open();
    t.after(close);
    await once(stream, 'data');
    stream.close();
    await until(() => ended);
  });
});
