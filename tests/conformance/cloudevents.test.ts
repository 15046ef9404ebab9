import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { onStandalone } from '@millrace/testkit';
import { CloudEvent, HTTP } from 'cloudevents';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

const STRUCTURED = 'application/cloudevents+json';
const BATCHED = 'application/cloudevents-batch+json';

/** The example of the specification's JSON format, section 3.2; its id is made new for each run of a test. */
const exampleOf = (id: string) => `{
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext",
    "subject": null,
    "id" : "${id}",
    "time" : "2018-04-05T17:31:00Z",
    "comexampleextension1" : "value",
    "comexampleothervalue" : 5,
    "datacontenttype" : "application/json",
    "data" : { "appinfoA" : "abc", "appinfoB" : 9007199254740993, "appinfoC" : true }
}`;

onStandalone('CloudEvents 1.0 over HTTP', (stack) => {
  const send = (headers: Record<string, string>, body: string | Uint8Array) =>
    httpCall(`${stack().connection.url}/cloudevents`, {
      headers: { 'x-api-key': stack().connection.credentials.apiKey, ...headers },
      body,
    });

  describe('structured mode', () => {
    test("202, then 200: the specification's example is stored once, its data byte for byte", async () => {
      const id = randomUUID();
      const answer = { id, source: '/mycontext' };
      assertJson(await send({ 'content-type': STRUCTURED }, exampleOf(id)), 202, {
        ...answer,
        status: 'accepted',
      });
      const again = await send({ 'content-type': `${STRUCTURED}; charset=utf-8` }, exampleOf(id));
      assertJson(again, 200, { ...answer, status: 'duplicate' });
      const row = await storedEvent(stack(), { eventId: id });
      assert.equal(row.dialect, 'cloudevents');
      assert.equal(row.eventType, 'com.example.someevent');
      assert.equal(row.source, '/mycontext');
      assert.equal(row.occurredAtMs, Date.parse('2018-04-05T17:31:00Z'));
      assert.equal(row.payload, '{ "appinfoA" : "abc", "appinfoB" : 9007199254740993, "appinfoC" : true }');
      const metadata: unknown = JSON.parse(row.metadata);
      assert.equal(memberOf(metadata, 'comexampleextension1'), 'value');
      assert.equal(memberOf(metadata, 'comexampleothervalue'), 5);
      assert.equal(await countSettled(stack(), { eventId: id }), 1);
    });

    test('202: source and id together make the event, one alone does not', async () => {
      const id = randomUUID();
      for (const source of ['/a', '/b', 'https://example.com/c?d=e#f', 'urn:uuid:1']) {
        const event = JSON.stringify({ specversion: '1.0', type: 't', source, id });
        assert.equal((await send({ 'content-type': STRUCTURED }, event)).status, 202, source);
      }
      assert.equal(await countSettled(stack(), { eventId: id }), 4);
    });

    test('409: another event under the same source and id is told so', async () => {
      const id = randomUUID();
      const event = (n: number) =>
        JSON.stringify({ specversion: '1.0', type: 't', source: '/a', id, data: { n } });
      assert.equal((await send({ 'content-type': STRUCTURED }, event(1))).status, 202);
      const conflict = await send({ 'content-type': STRUCTURED }, event(2));
      assert.equal(conflict.status, 409, conflict.text);
      assert.equal(conflict.headers['content-type'], 'application/problem+json');
      assert.equal((await storedEvent(stack(), { eventId: id })).payload, '{"n":1}');
    });
  });

  describe('binary mode', () => {
    const attributes = (id: string) => ({
      'ce-specversion': '1.0',
      'ce-type': 'com.example.someevent',
      'ce-source': '/mycontext',
      'ce-id': id,
    });

    test('202: attributes come from headers, JSON data is kept byte for byte', async () => {
      const id = randomUUID();
      const headers = {
        ...attributes(id),
        'ce-time': '2018-04-05T17:31:00+02:00',
        'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
        'content-type': 'application/json; charset=utf-8',
      };
      const data = '{"n": 9007199254740993, "f":1.0}';
      assertJson(await send(headers, data), 202, { id, source: '/mycontext', status: 'accepted' });
      const row = await storedEvent(stack(), { eventId: id });
      assert.equal(row.payload, data);
      assert.equal(row.occurredAtMs, Date.parse('2018-04-05T15:31:00Z'));
      assert.equal(memberOf(JSON.parse(row.metadata), 'subject'), 'Euro € 😀');
    });

    test('202: other data is kept as text or as base64', async () => {
      const bytes = Uint8Array.of(0, 255, 128, 10);
      const [text, binary] = [randomUUID(), randomUUID()];
      await send({ ...attributes(text), 'content-type': 'text/plain' }, 'grüße');
      await send({ ...attributes(binary), 'content-type': 'application/octet-stream' }, bytes);
      assert.equal((await storedEvent(stack(), { eventId: text })).payload, '"grüße"');
      const stored: unknown = JSON.parse((await storedEvent(stack(), { eventId: binary })).payload);
      assert.deepEqual(stored, { data_base64: Buffer.from(bytes).toString('base64') });
    });

    test('413: data that base64 makes too large is told in the size that it is stored with', async () => {
      const octets = (bytes: number) =>
        send(
          { ...attributes(randomUUID()), 'content-type': 'application/octet-stream' },
          new Uint8Array(bytes).fill(255),
        );
      assert.equal((await octets(700 * 1024)).status, 202);
      const answer = await octets(900 * 1024);
      assert.equal(answer.status, 413, answer.text);
      assert.match(textAt(answer.json(), 'detail'), /^The event takes 12\d{5} bytes as it is stored/);
    });

    test('202: an event without data', async () => {
      const id = randomUUID();
      assert.equal((await send(attributes(id), '')).status, 202);
      assert.equal((await storedEvent(stack(), { eventId: id })).payload, 'null');
    });
  });

  describe('batched mode', () => {
    test('202, 207: every event has its own result', async () => {
      const ids = [randomUUID(), randomUUID()];
      const good = ids.map((id) => JSON.parse(exampleOf(id)));
      const all = await send({ 'content-type': BATCHED }, JSON.stringify(good));
      assert.equal(all.status, 202, all.text);
      const mixed = [
        good[0],
        { specversion: '1.0', id: 'x', type: 't' },
        JSON.parse(exampleOf(randomUUID())),
      ];
      const some = await send({ 'content-type': BATCHED }, JSON.stringify(mixed));
      assert.equal(some.status, 207, some.text);
      const results = memberOf(some.json(), 'results');
      assert.ok(Array.isArray(results));
      assert.deepEqual(
        results.map((result) => memberOf(result, 'status')),
        ['duplicate', 'invalid', 'accepted'],
      );
      assert.equal(memberOf(results[1], 'error', 'field'), 'source');
      for (const eventId of ids) assert.equal(await countSettled(stack(), { eventId }), 1);
    });
  });

  describe("the CNCF's own client", () => {
    const event = () =>
      new CloudEvent({ type: 'sdk.event', source: '/sdk', id: randomUUID(), data: { ok: true } });
    for (const mode of ['structured', 'binary'] as const) {
      test(`202: ${mode}`, async () => {
        const sent = event();
        const { headers, body } = HTTP[mode](sent);
        const plain = Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, String(value)]),
        );
        const answer = await send(plain, String(body));
        assert.equal(answer.status, 202, answer.text);
        const row = await storedEvent(stack(), { eventId: sent.id });
        assert.deepEqual(JSON.parse(row.payload), { ok: true });
      });
    }
  });

  describe('400 names the attribute', () => {
    const good = { specversion: '1.0', type: 't', source: '/s', id: 'i' };
    const cases: readonly { what: string; over: object; field: string }[] = [
      { what: 'no specversion', over: { specversion: undefined }, field: 'specversion' },
      { what: 'specversion 0.3', over: { specversion: '0.3' }, field: 'specversion' },
      { what: 'no id', over: { id: undefined }, field: 'id' },
      { what: 'an empty id', over: { id: '' }, field: 'id' },
      { what: 'a numeric id', over: { id: 1 }, field: 'id' },
      { what: 'no type', over: { type: undefined }, field: 'type' },
      { what: 'no source', over: { source: undefined }, field: 'source' },
      { what: 'a source that is no URI reference', over: { source: 'a b' }, field: 'source' },
      { what: 'a time that is none', over: { time: 'yesterday' }, field: 'time' },
      { what: 'an extension with an upper-case name', over: { myExtension: 'x' }, field: 'myExtension' },
      { what: 'an extension that is an object', over: { extension: {} }, field: 'extension' },
      { what: 'data beside data_base64', over: { data: 1, data_base64: 'AA==' }, field: 'data_base64' },
      { what: 'data_base64 that is none', over: { data_base64: '*' }, field: 'data_base64' },
    ];
    for (const { what, over, field } of cases) {
      test(what, async () => {
        const answer = await send({ 'content-type': STRUCTURED }, JSON.stringify({ ...good, ...over }));
        assert.equal(answer.status, 400, answer.text);
        assert.equal(answer.headers['content-type'], 'application/problem+json');
        assert.equal(memberOf(answer.json(), 'errors', 0, 'field'), field);
      });
    }
  });
});
