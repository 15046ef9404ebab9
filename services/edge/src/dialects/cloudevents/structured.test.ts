import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openBench, SPEC_EXAMPLE, STRUCTURED } from '../../../test/cloudevents-harness.ts';
import { WORKSPACE_ID } from '../../../test/dialect-harness.ts';

const structured = (body: unknown) => openBench().send(body, { 'content-type': STRUCTURED });

describe('structured', () => {
  test("202: the specification's example", async () => {
    const { bench, send } = openBench();
    const { status, body } = await send(SPEC_EXAMPLE, { 'content-type': `${STRUCTURED}; charset=UTF-8` });
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
    await send(SPEC_EXAMPLE, { 'content-type': STRUCTURED });
    const again = await send({ ...SPEC_EXAMPLE, traceparent: '00-x' }, { 'content-type': STRUCTURED });
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, { id: 'C234-1234-1234', source: '/mycontext', status: 'duplicate' });
  });

  test('202: the same id from another source is another event', async () => {
    const { send } = openBench();
    await send(SPEC_EXAMPLE, { 'content-type': STRUCTURED });
    assert.equal(
      (await send({ ...SPEC_EXAMPLE, source: '/other' }, { 'content-type': STRUCTURED })).status,
      202,
    );
  });

  test('409: other data under the same source and id', async () => {
    const { send } = openBench();
    await send(SPEC_EXAMPLE, { 'content-type': STRUCTURED });
    const other = await send({ ...SPEC_EXAMPLE, data: 1 }, { 'content-type': STRUCTURED });
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
      const { status, body, reply } = await structured({ ...SPEC_EXAMPLE, ...changes });
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
