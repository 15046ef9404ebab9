import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { onStandalone, rawExchange } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

onStandalone('HTTP itself', (stack) => {
  const headOf = (...lines: readonly string[]) => {
    const { connection } = stack();
    const head = [
      'POST /v1/ingest HTTP/1.1',
      `host: ${new URL(connection.url).host}`,
      `x-api-key: ${connection.credentials.apiKey}`,
      'content-type: application/json',
      ...lines,
    ];
    return `${head.join('\r\n')}\r\n\r\n`;
  };
  const event = JSON.stringify([{ type: 'protocol' }]);

  const refused: Readonly<Record<string, () => string>> = {
    'a request line that is none': () => 'POST\r\n\r\n',
    'bytes of another protocol': () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'a header without a name': () => headOf(': x', `content-length: ${event.length}`) + event,
    'two lengths': () => headOf('content-length: 5', `content-length: ${event.length}`) + event,
    'a length and chunks': () =>
      `${headOf('content-length: 4', 'transfer-encoding: chunked')}0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
    'a chunk size that is none': () => `${headOf('transfer-encoding: chunked')}xyz\r\n${event}\r\n0\r\n\r\n`,
    'an endless header': () => headOf(`x-long: ${'h'.repeat(100_000)}`),
    'a line end within a header': () => headOf('x-a: b\rc', `content-length: ${event.length}`) + event,
  };
  for (const [what, bytes] of Object.entries(refused)) {
    test(`4xx or a hang-up: ${what}`, async () => {
      const answer = await rawExchange(stack().connection.url, bytes());
      assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/);
      assert.equal(await countSettled(stack(), { eventType: 'protocol' }), 0);
    });
  }

  test('a body that never ends is not stored', async () => {
    const bytes = `${headOf(`content-length: ${event.length + 1}`)}${event}`;
    assert.doesNotMatch(await rawExchange(stack().connection.url, bytes, 300), /^HTTP\/1\.1 2/);
    assert.equal(await countSettled(stack(), { eventType: 'protocol' }), 0);
  });

  test('202: pipelined requests are answered in order', async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    const requests = ids.map((id) => {
      const body = JSON.stringify([{ id, type: 'pipelined' }]);
      return headOf(`content-length: ${body.length}`, `x-request-id: ${id}`) + body;
    });
    const answer = await rawExchange(stack().connection.url, requests.join(''), 1_000);
    assert.deepEqual(
      [...answer.matchAll(/^x-request-id: (\S+)/gim)].map(([, id]) => id),
      ids,
    );
    assert.equal(answer.match(/HTTP\/1\.1 202/g)?.length, 3);
    for (const eventId of ids) await storedEvent(stack(), { eventId });
  });

  test('202: a body that arrives a byte at a time', async () => {
    const body = JSON.stringify([{ type: 'drip' }]);
    const chunks = [...body].map((char) => `1\r\n${char}\r\n`).join('');
    const answer = await rawExchange(
      stack().connection.url,
      `${headOf('transfer-encoding: chunked')}${chunks}0\r\n\r\n`,
      1_000,
    );
    assert.match(answer, /^HTTP\/1\.1 202 /);
  });

  test('headers of Millrace itself are not taken from outside', async () => {
    const { url, credentials, workspaceId } = stack().connection;
    const headers = { 'content-type': 'application/json', 'x-millrace-workspace': workspaceId };
    const refusedAnswer = await httpCall(`${url}/v1/ingest`, { headers, body: event });
    assert.equal(refusedAnswer.status, 401);
    const id = randomUUID();
    const answer = await httpCall(`${url}/v1/ingest`, {
      headers: { ...headers, 'x-api-key': credentials.apiKey, 'x-request-id': 'a'.repeat(5_000) },
      body: JSON.stringify([{ id, type: 'long.request.id' }]),
    });
    assert.equal(answer.status, 202);
    assert.ok(String(answer.headers['x-request-id']).length <= 200, 'an endless id is echoed');
  });
});
