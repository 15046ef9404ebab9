import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Connection } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { openHttpClient } from './http-client.ts';
import { createLedger } from './ledger.ts';
import { startSteadyLoad } from './steady-load.ts';

/** Loads a server that is `handle`, for a while, and returns what the client knows after. */
async function loadServer(
  handle: (body: string, request: IncomingMessage, response: ServerResponse) => void,
) {
  let heard = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    heard += 1;
    handle(Buffer.concat(chunks).toString(), request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Listening on a TCP port, so the address is one.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = openHttpClient({ url, connections: 16 });
  const ledger = createLedger();
  const load = startSteadyLoad({
    connection: connectionTo(url),
    client,
    ledger,
    prefix: 't',
  });
  await eventually(() => assert.ok(heard >= 500), { timeoutMs: 60_000 });
  await load.stop(30_000);
  await client.close();
  server.close();
  return { ledger, load, client };
}

function connectionTo(url: string): Connection {
  return {
    url,
    adminUrl: url,
    mode: 'standalone',
    workspaceId: 'w',
    credentials: {
      apiKey: 'k',
      bearerToken: 'b',
      emailApiKey: 'e',
      externalEventToken: 'x',
      ownerEmail: 'o',
    },
    clickhouse: { url, database: 'd', username: 'u', password: 'p' },
    nats: { url, username: 'u', password: 'p' },
    redis: { url: null },
    processes: [],
  };
}

/** Answers that everything is stored, in each dialect's words. */
function accept(body: string, response: ServerResponse): void {
  const parsed: unknown = JSON.parse(body);
  const results = (Array.isArray(parsed) ? parsed : []).map((event: { id?: string }) => ({
    id: event.id ?? '',
    status: 'email_id' in event ? 'success' : 'accepted',
  }));
  response.writeHead(202).end(JSON.stringify({ results }));
}

test('what is refused is sent again with the same bytes until it is accepted', async () => {
  const tries = new Map<string, number>();
  const { ledger } = await loadServer((body, _, response) => {
    const count = (tries.get(body) ?? 0) + 1;
    tries.set(body, count);
    const isKeyless = body.startsWith('[{"type"');
    if (count === 1 && !isKeyless) response.writeHead(503).end('{}');
    else accept(body, response);
  });
  assert.ok(ledger.counts.accepted > 100);
  assert.equal(ledger.counts.unknown, 0);
});

test('an event without an id is not sent again once it may be stored', async () => {
  const tries = new Map<string, number>();
  const { ledger } = await loadServer((body, _, response) => {
    if (!body.startsWith('[{"type"')) return accept(body, response);
    tries.set(body, (tries.get(body) ?? 0) + 1);
    response.writeHead(503).end('{}');
  });
  assert.ok(tries.size > 0);
  assert.deepEqual(new Set(tries.values()), new Set([1]));
  assert.ok(ledger.counts.unknown > 0);
});

test('a connection that is cut leaves the outcome unknown and the request is repeated', async () => {
  const cut = new Set<string>();
  const { ledger, client } = await loadServer((body, request, response) => {
    if (cut.has(body) || body.startsWith('[{"type"')) return accept(body, response);
    cut.add(body);
    request.socket.resetAndDestroy();
  });
  assert.ok((client.outcomes['reset'] ?? 0) > 0);
  assert.equal(ledger.counts.unknown, 0);
});

test('a refusal that blames a good request is reported', async () => {
  const { load } = await loadServer((_, __, response) => response.writeHead(400).end('{"error":"no"}'));
  assert.match(load.complaints[0] ?? '', /^400 /);
});
