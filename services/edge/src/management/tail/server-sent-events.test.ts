import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { describe, test } from 'node:test';
import { TailGap } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { encodedEvent } from '../../../test/tail.ts';
import { benchTails, HEADERS } from '../../../test/tail-bench.ts';

const tails = benchTails();

describe('what is sent', () => {
  test('200: a stream of server-sent events that nobody keeps, from a cursor on', async () => {
    const tail = await tails.open();
    assert.equal(tail.response.statusCode, 200);
    const { headers } = tail.response;
    assert.deepEqual(
      [headers['content-type'], headers['cache-control'], headers['x-accel-buffering']],
      ['text/event-stream', 'no-store', 'no'],
    );
    assert.equal(headers['x-request-id'], 'made-id');
    await tail.until('id: begun\n\n');
    assert.equal(tail.text(), 'retry: 1000\n\n: still here\nid: begun\n\n');
    assert.deepEqual(tails.answered().at(-1), 'GET /v1/events/tail 200');
  });

  test('event: under the native names, JSON as it came', async () => {
    const tail = await tails.open();
    tails.analytics.say({ ids: ['evt_1'] });
    await tail.until('at-evt_1\nevent');
    await tail.until('metadata":{}}\n\n');
    const event =
      '{"id":"evt_1","type":"user.created","source":null,"userId":"ada","sessionId":null,' +
      '"occurredAt":"2024-01-30T00:00:00.000Z","receivedAt":"2024-01-30T01:00:00.000Z","priority":3,"labels":["a"],' +
      '"dialect":"native","payload":{"n": 12345678901234567890},"metadata":{}}';
    assert.ok(tail.text().endsWith(`id: at-evt_1\nevent: event\ndata: ${event}\n\n`), tail.text());
  });

  test('event: line breaks between the tokens of a payload break no frame', async () => {
    const tail = await tails.open();
    const payload = '{\r\n"a":\r1,\n\n"b":"\\n"}';
    tails.analytics.say({ events: [{ cursor: 'c', event: encodedEvent('lines', payload) }] });
    await tail.until('metadata":{}}\n\n');
    const [, data = ''] = /event: event\n((?:data: .*\n)+)\n/.exec(tail.text()) ?? [];
    const parsed = JSON.parse(data.replaceAll(/^data: /gm, ''));
    assert.deepEqual(parsed.payload, { a: 1, b: '\n' });
    assert.ok(!tail.text().includes('\r'));
  });

  test('events that waited together are sent at once, in their order', async () => {
    const tail = await tails.open();
    await tail.until('id: begun\n\n');
    const chunks: string[] = [];
    tail.response.on('data', (chunk: string) => chunks.push(chunk));
    const ids = Array.from({ length: 100 }, (_, i) => `e${i}`);
    tails.analytics.say({ ids });
    await tail.until('at-e99\nevent');
    await tail.until('metadata":{}}\n\n');
    // Each write is a chunk of HTTP/1.1, and a client sees no fewer than the server wrote of so little.
    assert.ok(chunks.length <= 2, `${chunks.length} chunks`);
    assert.deepEqual(
      [...chunks.join('').matchAll(/^id: at-(.*)$/gm)].map(([, id]) => id),
      ids,
    );
  });

  test('an event that can not be read is left out', async () => {
    const tail = await tails.open();
    tails.analytics.say({ events: [{ cursor: 'bad', event: Buffer.from([0xff]) }] });
    tails.analytics.say({ ids: ['good'] });
    await tail.until('at-good');
    assert.ok(!tail.text().includes('bad'));
  });

  test('gap, and what tells a client where it is while nothing comes', async () => {
    const tail = await tails.open();
    tails.analytics.say({ gap: TailGap.TRIMMED, cursor: 'g' });
    tails.analytics.say({ cursor: 'later' });
    await tail.until('id: later\n\n');
    assert.ok(
      tail
        .text()
        .includes('id: g\nevent: gap\ndata: {"reason":"trimmed","cursor":"g"}\n\n: still here\nid: later'),
    );
  });

  test('HEAD answers and asks for nothing more', async () => {
    const outgoing = httpRequest(`${tails.url()}/v1/events/tail`, {
      method: 'HEAD',
      headers: HEADERS,
      agent: false,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    assert.deepEqual([response.statusCode, response.headers['content-type']], [200, 'text/event-stream']);
  });

  test('over HTTP/2 the same', async () => {
    const session = connect(tails.url());
    const stream = session.request({ ':path': '/v1/events/tail', ...HEADERS });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[constants.HTTP2_HEADER_STATUS], 200);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    tails.analytics.say({ ids: ['two'] });
    while (!text.includes('at-two')) await once(stream, 'data');
    session.destroy();
  });

  test('a browser of another origin may read it', async () => {
    const tail = await tails.open('', { ...HEADERS, origin: 'https://shop.example' });
    assert.equal(tail.response.headers['access-control-allow-origin'], 'https://shop.example');
  });
});
