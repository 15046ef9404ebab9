import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BATCHED,
  CE_HEADERS,
  openBench,
  SPEC_EXAMPLE,
  STRUCTURED,
} from '../../../test/cloudevents-harness.ts';
import { KEYS } from '../../../test/dialect-harness.ts';

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
      const { status } = await send(
        body,
        contentType ? { ...CE_HEADERS, 'content-type': contentType } : CE_HEADERS,
      );
      assert.equal(status, 202);
      assert.equal(bench.events[0]?.payload, payload);
      assert.equal(JSON.parse(bench.events[0]?.metadata ?? '').datacontenttype, contentType);
    });
  }

  test('202: values are unquoted and percent-decoded once', async () => {
    const { bench, send } = openBench();
    const headers = {
      ...CE_HEADERS,
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
    assert.equal((await send('{"a":1}', { ...CE_HEADERS, 'content-type': 'application/json' })).status, 200);
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
      const { status, body } = await openBench().send('{}', { ...CE_HEADERS, ...headers });
      assert.equal(status, 400);
      assert.equal((body as { errors: { field: string }[] }).errors[0]?.field, attribute);
    });
  }

  test('400: data that is not the JSON it claims to be', async () => {
    assert.equal(
      (await openBench().send('{', { ...CE_HEADERS, 'content-type': 'application/json' })).status,
      400,
    );
  });
});

describe('batched', () => {
  const batch = (body: unknown) => openBench().send(body, { 'content-type': BATCHED });

  test('202: every event has its result', async () => {
    const { status, body } = await batch([SPEC_EXAMPLE, { ...SPEC_EXAMPLE, id: '2' }, SPEC_EXAMPLE]);
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
    const { status, body } = await batch([
      { ...SPEC_EXAMPLE, source: '' },
      7,
      { ...SPEC_EXAMPLE, data: 'x'.repeat(2 ** 20) },
      SPEC_EXAMPLE,
    ]);
    assert.equal(status, 207);
    const { results } = body as { results: { status: string; error?: { field: string } }[] };
    assert.deepEqual(
      results.map((result) => [result.status, result.error?.field]),
      [
        ['invalid', 'source'],
        ['invalid', ''],
        ['invalid', 'data'],
        ['accepted', undefined],
      ],
    );
  });

  test('400: none is valid, too many, or no array', async () => {
    assert.equal((await batch([{}])).status, 400);
    assert.equal((await batch(Array.from({ length: 1_001 }, () => SPEC_EXAMPLE))).status, 400);
    assert.equal((await batch(SPEC_EXAMPLE)).status, 400);
  });
});

describe('every mode', () => {
  test('401 and 403: the key', async () => {
    const type = { 'content-type': STRUCTURED };
    assert.equal((await openBench().send(SPEC_EXAMPLE, { ...type, 'x-api-key': '' })).status, 401);
    assert.equal((await openBench().send(SPEC_EXAMPLE, { ...type, 'x-api-key': KEYS.reader })).status, 403);
  });

  test('415: no CloudEvent', async () => {
    assert.equal((await openBench().send(SPEC_EXAMPLE, { 'content-type': 'application/json' })).status, 415);
    assert.equal(
      (await openBench().send(SPEC_EXAMPLE, { ...CE_HEADERS, 'content-type': 'application/cloudevents+xml' }))
        .status,
      415,
    );
  });

  test('503: nothing is known to be stored', async () => {
    const { bench, send } = openBench();
    bench.answer = () => ({ kind: 'unavailable' });
    assert.equal((await send(SPEC_EXAMPLE, { 'content-type': STRUCTURED })).status, 503);
    assert.equal((await send([SPEC_EXAMPLE], { 'content-type': BATCHED })).status, 503);
  });
});
