import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { benchDialect, KEYS, NOW_MS, WORKSPACE_ID } from '../test-support/dialect-bench.ts';
import { cloudEventsDialect } from './routes.ts';

const STRUCTURED = 'application/cloudevents+json';
const BATCHED = 'application/cloudevents-batch+json';

/** The example of the specification. */
const spec = {
  specversion: '1.0',
  type: 'com.example.someevent',
  source: '/mycontext',
  subject: null,
  id: 'C234-1234-1234',
  time: '2018-04-05T17:31:00Z',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  datacontenttype: 'application/json',
  data: { appinfoA: 'abc', appinfoB: 123, appinfoC: true },
};

/** Binary attributes. */
const ce = { 'ce-specversion': '1.0', 'ce-type': 't', 'ce-source': '/s', 'ce-id': '1' };

function openBench() {
  let headers: Record<string, string> = {};
  // The fake exchange answers `header()`; what goes through all headers needs them on the request.
  const bench = benchDialect({
    name: 'cloudevents',
    routes: (deps) =>
      cloudEventsDialect.routes(deps).map((route) => ({
        ...route,
        handle(exchange) {
          Object.assign(exchange.request.headers, headers);
          return route.handle(exchange);
        },
      })),
  });
  return {
    bench,
    send(body: unknown, given: Record<string, string>) {
      headers = { 'x-api-key': KEYS.writer, ...given };
      return bench.send('POST', '/cloudevents', { headers, body, receivedAtMs: NOW_MS });
    },
  };
}

const structured = (body: unknown) => openBench().send(body, { 'content-type': STRUCTURED });

describe('structured', () => {
  test("202: the specification's example", async () => {
    const { bench, send } = openBench();
    const { status, body } = await send(spec, { 'content-type': `${STRUCTURED}; charset=UTF-8` });
    assert.equal(status, 202);
    assert.deepEqual(body, { id: 'C234-1234-1234', source: '/mycontext', status: 'accepted' });
    const [event] = bench.events;
    assert.equal(event?.workspaceId, WORKSPACE_ID);
    assert.equal(event?.eventId, 'C234-1234-1234');
    assert.equal(event?.eventType, 'com.example.someevent');
    assert.equal(event?.source, '/mycontext');
    assert.equal(event?.dialect, 'cloudevents');
    assert.equal(event?.occurredAtMs, Date.UTC(2018, 3, 5, 17, 31));
    assert.equal(event?.payload, '{"appinfoA":"abc","appinfoB":123,"appinfoC":true}');
    assert.deepEqual(JSON.parse(event?.metadata ?? ''), {
      specversion: '1.0',
      time: '2018-04-05T17:31:00Z',
      datacontenttype: 'application/json',
      comexampleextension1: 'value',
      comexampleothervalue: 5,
    });
  });

  const data: [name: string, member: string, payload: string][] = [
    [
      'JSON keeps every byte',
      '"data": {"n": 1.00, "m":12345678901234567890}',
      '{"n": 1.00, "m":12345678901234567890}',
    ],
    ['a string', '"data":"<much/>","datacontenttype":"application/xml"', '"<much/>"'],
    ['null', '"data":null', 'null'],
    ['an array', '"data":[1]', '[1]'],
    ['base64', '"data_base64":"AAEC"', '{"data_base64":"AAEC"}'],
    ['none', '"subject":"s"', 'null'],
  ];
  for (const [name, member, payload] of data) {
    test(`202: data: ${name}`, async () => {
      const { bench, send } = openBench();
      const body = `{"specversion":"1.0","id":"1","type":"t","source":"/s",${member}}`;
      const { status } = await send(body, { 'content-type': STRUCTURED });
      assert.equal(status, 202);
      assert.equal(bench.events[0]?.payload, payload);
    });
  }

  test('200: a duplicate; extensions may differ', async () => {
    const { send } = openBench();
    await send(spec, { 'content-type': STRUCTURED });
    const again = await send({ ...spec, traceparent: '00-x' }, { 'content-type': STRUCTURED });
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, { id: 'C234-1234-1234', source: '/mycontext', status: 'duplicate' });
  });

  test('202: the same id from another source is another event', async () => {
    const { send } = openBench();
    await send(spec, { 'content-type': STRUCTURED });
    assert.equal((await send({ ...spec, source: '/other' }, { 'content-type': STRUCTURED })).status, 202);
  });

  test('409: other data under the same source and id', async () => {
    const { send } = openBench();
    await send(spec, { 'content-type': STRUCTURED });
    const other = await send({ ...spec, data: 1 }, { 'content-type': STRUCTURED });
    assert.equal(other.status, 409);
    assert.equal((other.body as { code: string }).code, 'conflict');
  });

  const bad: [attribute: string, changes: Record<string, unknown>][] = [
    ['id', { id: undefined }],
    ['id', { id: '' }],
    ['id', { id: 7 }],
    ['id', { id: null }],
    ['id', { id: 'a\u0007b' }],
    ['source', { source: undefined }],
    ['source', { source: '' }],
    ['source', { source: 'not a uri' }],
    ['source', { source: '/%zz' }],
    ['type', { type: '' }],
    ['specversion', { specversion: '0.3' }],
    ['specversion', { specversion: undefined }],
    ['time', { time: 'yesterday' }],
    ['time', { time: '2018-02-30T17:31:00Z' }],
    ['subject', { subject: '' }],
    ['dataschema', { dataschema: '/relative' }],
    ['datacontenttype', { datacontenttype: 'json' }],
    ['Upper', { Upper: 'x' }],
    ['a'.repeat(21), { ['a'.repeat(21)]: 'x' }],
    ['with_underscore', { with_underscore: 'x' }],
    ['ext', { ext: { nested: true } }],
    ['ext', { ext: 1.5 }],
    ['ext', { ext: 2 ** 31 }],
    ['data_base64', { data_base64: 'AAEC' }],
    ['data_base64', { data: undefined, data_base64: '???' }],
  ];
  for (const [attribute, changes] of bad) {
    test(`400 names ${attribute}: ${JSON.stringify(changes)}`, async () => {
      const { status, body, reply } = await structured({ ...spec, ...changes });
      assert.equal(status, 400);
      const { errors } = body as { errors: { field: string }[] };
      assert.equal(errors[0]?.field, attribute);
      assert.ok(reply.headers?.includes('application/problem+json'));
    });
  }

  for (const body of ['{', '[]', 'null', '']) {
    test(`400: the body is ${JSON.stringify(body)}`, async () => {
      assert.equal((await structured(body)).status, 400);
    });
  }
});

describe('binary', () => {
  const data: [contentType: string | undefined, body: string | Buffer, payload: string][] = [
    ['application/json', ' {"n": 1.00} ', '{"n": 1.00}'],
    ['application/vnd.x+json; charset=utf-8', '7', '7'],
    ['text/plain', 'hä"', '"hä\\""'],
    ['application/xml', '<a/>', '"<a/>"'],
    ['application/octet-stream', Buffer.from([0, 1, 255]), '{"data_base64":"AAH/"}'],
    ['text/plain; charset=latin1', Buffer.from([0xe9]), '{"data_base64":"6Q=="}'],
    [undefined, 'x', '{"data_base64":"eA=="}'],
    [undefined, '', 'null'],
  ];
  for (const [contentType, body, payload] of data) {
    test(`202: ${contentType ?? 'no type'} becomes ${payload}`, async () => {
      const { bench, send } = openBench();
      const { status } = await send(body, contentType ? { ...ce, 'content-type': contentType } : ce);
      assert.equal(status, 202);
      assert.equal(bench.events[0]?.payload, payload);
      assert.equal(JSON.parse(bench.events[0]?.metadata ?? '').datacontenttype, contentType);
    });
  }

  test('202: values are unquoted and percent-decoded once', async () => {
    const { bench, send } = openBench();
    const headers = {
      ...ce,
      'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
      'ce-ext': '"a \\"b\\" %2525"',
      'ce-raw': '100%',
    };
    const { status } = await send('{}', { ...headers, 'content-type': 'application/json' });
    assert.equal(status, 202);
    const metadata = JSON.parse(bench.events[0]?.metadata ?? '');
    assert.equal(metadata.subject, 'Euro € 😀');
    assert.equal(metadata.ext, 'a "b" %25');
    assert.equal(metadata.raw, '100%');
  });

  test('200: the copy of a structured event', async () => {
    const { send } = openBench();
    await send(
      { specversion: '1.0', type: 't', source: '/s', id: '1', data: { a: 1 } },
      { 'content-type': STRUCTURED },
    );
    assert.equal((await send('{"a":1}', { ...ce, 'content-type': 'application/json' })).status, 200);
  });

  const bad: [attribute: string, headers: Record<string, string>][] = [
    ['id', { 'ce-id': '' }],
    ['specversion', { 'ce-specversion': '2.0' }],
    ['ext', { 'ce-ext': '%FF%FE' }],
    ['ext', { 'ce-ext': '%00' }],
    ['data', { 'ce-data': 'x' }],
    ['bad_name', { 'ce-bad_name': 'x' }],
  ];
  for (const [attribute, headers] of bad) {
    test(`400 names ${attribute}: ${JSON.stringify(headers)}`, async () => {
      const { status, body } = await openBench().send('{}', { ...ce, ...headers });
      assert.equal(status, 400);
      assert.equal((body as { errors: { field: string }[] }).errors[0]?.field, attribute);
    });
  }

  test('400: data that is not the JSON it claims to be', async () => {
    assert.equal((await openBench().send('{', { ...ce, 'content-type': 'application/json' })).status, 400);
  });
});

describe('batched', () => {
  const batch = (body: unknown) => openBench().send(body, { 'content-type': BATCHED });

  test('202: every event has its result', async () => {
    const { status, body } = await batch([spec, { ...spec, id: '2' }, spec]);
    assert.equal(status, 202);
    assert.deepEqual(body, {
      results: [
        { index: 0, status: 'accepted', id: 'C234-1234-1234' },
        { index: 1, status: 'accepted', id: '2' },
        { index: 2, status: 'duplicate', id: 'C234-1234-1234' },
      ],
      accepted: 2,
      duplicates: 1,
      conflicts: 0,
      invalid: 0,
      unavailable: 0,
    });
  });

  test('202: an empty batch', async () => {
    assert.equal((await batch([])).status, 202);
  });

  test('207: a bad event fails alone', async () => {
    const { status, body } = await batch([{ ...spec, source: '' }, 7, spec]);
    assert.equal(status, 207);
    const { results } = body as { results: { status: string; error?: { field: string } }[] };
    assert.deepEqual(
      results.map((result) => [result.status, result.error?.field]),
      [
        ['invalid', 'source'],
        ['invalid', ''],
        ['accepted', undefined],
      ],
    );
  });

  test('400: none is valid, too many, or no array', async () => {
    assert.equal((await batch([{}])).status, 400);
    assert.equal((await batch(Array.from({ length: 1_001 }, () => spec))).status, 400);
    assert.equal((await batch(spec)).status, 400);
  });
});

describe('every mode', () => {
  test('401 and 403: the key', async () => {
    const type = { 'content-type': STRUCTURED };
    assert.equal((await openBench().send(spec, { ...type, 'x-api-key': '' })).status, 401);
    assert.equal((await openBench().send(spec, { ...type, 'x-api-key': KEYS.reader })).status, 403);
  });

  test('415: no CloudEvent', async () => {
    assert.equal((await openBench().send(spec, { 'content-type': 'application/json' })).status, 415);
    assert.equal(
      (await openBench().send(spec, { ...ce, 'content-type': 'application/cloudevents+xml' })).status,
      415,
    );
  });

  test('503: nothing is known to be stored', async () => {
    const { bench, send } = openBench();
    bench.answer = () => ({ kind: 'unavailable' });
    assert.equal((await send(spec, { 'content-type': STRUCTURED })).status, 503);
    assert.equal((await send([spec], { 'content-type': BATCHED })).status, 503);
  });
});
