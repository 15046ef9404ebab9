import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { onEachTopology } from '@millrace/testkit';
import { assertJson, memberOf, UUID_V7 } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { countSettled, findEvents, storedEvent } from './support/stored-events.ts';

onEachTopology('native: POST /v1/ingest', (stack) => {
  const send = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    httpCall(`${stack().connection.url}/v1/ingest`, {
      headers: {
        'content-type': 'application/json',
        'x-api-key': stack().connection.credentials.apiKey,
        ...headers,
      },
      body,
    });

  test('202: every field has its column, JSON is kept byte for byte', async () => {
    const id = randomUUID();
    const payload = '{"big": 12345678901234567890, "f": 1.10}';
    const metadata = '{"m":  -9007199254740993}';
    const sentAtMs = Date.now();
    const answer = await send(
      `[{"id":"${id}","type":"order.created","source":"shop","userId":"u","sessionId":"s","occurredAt":"2024-01-30T12:34:56.789Z","priority":7,"labels":["a","é"],"payload":${payload},"metadata":${metadata}}]`,
    );
    assertJson(answer, 202, { results: [{ index: 0, status: 'accepted', id }], ...counts({ accepted: 1 }) });
    const { receivedAtMs, ...row } = await storedEvent(stack(), { eventId: id });
    assert.deepEqual(row, {
      workspaceId: stack().connection.workspaceId,
      eventId: id,
      eventType: 'order.created',
      dialect: 'native',
      source: 'shop',
      userId: 'u',
      sessionId: 's',
      occurredAtMs: Date.parse('2024-01-30T12:34:56.789Z'),
      priority: 7,
      labels: ['a', 'é'],
      payload,
      metadata,
      traceId: '',
    });
    assert.ok(receivedAtMs >= sentAtMs && receivedAtMs <= Date.now());
  });

  test('202: an id is made where there is none; a single object is taken too', async () => {
    const answer = await send('{"type":"single.object"}');
    const id = String(memberOf(answer.json(), 'results', 0, 'id'));
    assert.match(id, UUID_V7);
    assert.equal((await storedEvent(stack(), { eventId: id })).eventType, 'single.object');
  });

  test('202, 207, 400, 409: the status tells what became of the events together', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const event = (id: string, type = 'status.check') => ({ id, type });
    const statuses = async (events: readonly object[]) => {
      const answer = await send(JSON.stringify(events));
      const results = memberOf(answer.json(), 'results');
      assert.ok(Array.isArray(results), answer.text);
      return [answer.status, ...results.map((result) => memberOf(result, 'status'))];
    };
    assert.deepEqual(await statuses([event(first)]), [202, 'accepted']);
    assert.deepEqual(await statuses([event(first), event(second)]), [202, 'duplicate', 'accepted']);
    assert.deepEqual(await statuses([event(first, 'other'), event(second)]), [207, 'conflict', 'duplicate']);
    assert.deepEqual(await statuses([event(first, 'other')]), [409, 'conflict']);
    assert.deepEqual(await statuses([event(first), {}]), [207, 'duplicate', 'invalid']);
    assert.deepEqual(await statuses([{}, { type: '' }]), [400, 'invalid', 'invalid']);
    assert.equal(await countSettled(stack(), { eventType: 'status.check' }), 2);
  });

  test('202: the same id twice in a request is one event', async () => {
    const id = randomUUID();
    const answer = await send(
      JSON.stringify([
        { id, type: 'twice' },
        { id, type: 'twice' },
      ]),
    );
    const results = [
      { index: 0, status: 'accepted', id },
      { index: 1, status: 'duplicate', id },
    ];
    assertJson(answer, 202, { results, ...counts({ accepted: 1, duplicates: 1 }) });
    assert.equal(await countSettled(stack(), { eventId: id }), 1);
  });

  describe('NDJSON', () => {
    const LINES = { 'content-type': 'application/x-ndjson' };

    test('207: an event a line; blank lines, line ends of Windows and a missing last one do not matter', async () => {
      const type = `lines.${randomUUID()}`;
      const body = `{"type":"${type}","payload":{"n":1}}\r\n\n  \n{"type":"${type}","payload":{"n":2}}\nnot json\n{"type":"${type}"}`;
      const answer = await send(body, LINES);
      assert.equal(answer.status, 207, answer.text);
      const results = memberOf(answer.json(), 'results');
      assert.ok(Array.isArray(results));
      const statuses = results.map((result) => memberOf(result, 'status'));
      assert.deepEqual(statuses, ['accepted', 'accepted', 'invalid', 'accepted']);
      assert.equal(await countSettled(stack(), { eventType: type }), 3);
      const payloads = (await findEvents(stack(), { eventType: type })).map((row) => row.payload);
      assert.deepEqual(payloads, ['{"n":1}', '{"n":2}', '{}']);
    });

    test('a line over 256 KiB is invalid by itself', async () => {
      const long = JSON.stringify({ type: 'long.line', payload: { text: 'x'.repeat(256 * 1024) } });
      const answer = await send(`{"type":"short.line"}\n${long}\n`, LINES);
      assert.equal(answer.status, 207, answer.text);
      assert.equal(memberOf(answer.json(), 'results', 1, 'status'), 'invalid');
      assert.equal(await countSettled(stack(), { eventType: 'long.line' }), 0);
    });

    test('202: 10,000 lines are one request, 10,001 are none', async () => {
      const type = `many.${randomUUID()}`;
      const line = `{"type":"${type}"}\n`;
      const answer = await send(line.repeat(10_000), LINES);
      assert.equal(answer.status, 202, answer.text.slice(0, 500));
      assert.equal(memberOf(answer.json(), 'accepted'), 10_000);
      assert.equal((await send(line.repeat(10_001), LINES)).status, 400);
      assert.equal(await countSettled(stack(), { eventType: type }), 10_000);
    });
  });

  describe('Content-Encoding', () => {
    const encoders = {
      gzip: gzipSync,
      'x-gzip': gzipSync,
      br: brotliCompressSync,
      zstd: zstdCompressSync,
      deflate: deflateSync,
      identity: (text: string) => Buffer.from(text),
    };
    for (const [encoding, encode] of Object.entries(encoders)) {
      test(`202: ${encoding}`, async () => {
        const id = randomUUID();
        const payload = `{"text":"${'grüße '.repeat(100)}"}`;
        const body = encode(`[{"id":"${id}","type":"encoded","payload":${payload}}]`);
        const answer = await send(body, { 'content-encoding': encoding });
        assert.equal(answer.status, 202, answer.text);
        assert.equal((await storedEvent(stack(), { eventId: id })).payload, payload);
      });
    }
  });

  test("202: a browser's beacon, with its key in the query", async () => {
    const { url, credentials } = stack().connection;
    const id = randomUUID();
    const answer = await httpCall(`${url}/v1/ingest?key=${credentials.apiKey}`, {
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify([{ id, type: 'beacon' }]),
    });
    assert.equal(answer.status, 202, answer.text);
    await storedEvent(stack(), { eventId: id });
  });
});

function counts(over: { accepted?: number; duplicates?: number }) {
  return { accepted: 0, duplicates: 0, conflicts: 0, invalid: 0, unavailable: 0, ...over };
}
