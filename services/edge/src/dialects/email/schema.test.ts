import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchDialect, KEYS } from '../../../test/dialect-harness.ts';
import { email } from './routes.ts';

const bench = benchDialect(email);
const VALID = { email_id: 'a', domain: 'b' };

/** The body of the answer, which must be a 400. */
async function refusal(path: '/email' | '/email/batch', body: unknown) {
  const headers = { 'x-api-key': KEYS.writer, 'content-type': 'application/json' };
  const answer = await bench.send('POST', path, { headers, body });
  assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 100));
  return answer.reply.body;
}

/** What the single route's answer must be, to the byte. */
const single = (...errors: object[]) =>
  JSON.stringify({ status: 'error', message: 'Invalid email event schema', errors });
const batch = (...errors: object[]) =>
  JSON.stringify({ status: 'error', message: 'Invalid batch email event schema', errors });

const wrong = (expected: string, received: string, ...path: (string | number)[]) => ({
  code: 'invalid_type',
  expected,
  received,
  path,
  message: received === 'undefined' ? 'Required' : `Expected ${expected}, received ${received}`,
});
const size = (bound: object, type: string, message: string, ...path: (string | number)[]) => ({
  ...bound,
  type,
  inclusive: true,
  exact: false,
  message,
  path,
});
const tooLong = (maximum: number, ...path: (string | number)[]) =>
  size(
    { code: 'too_big', maximum },
    'string',
    `String must contain at most ${maximum} character(s)`,
    ...path,
  );

test('400: the documented schema error', async () => {
  assert.equal(
    await refusal('/email', { ...VALID, email_id: '' }),
    single({
      code: 'too_small',
      minimum: 1,
      type: 'string',
      inclusive: true,
      exact: false,
      message: 'String must contain at least 1 character(s)',
      path: ['email_id'],
    }),
  );
});

test('400: the documented date error', async () => {
  assert.equal(
    await refusal('/email', { ...VALID, event_time: '2023-12-21T01:50:56Z' }),
    single({
      code: 'invalid_type',
      expected: 'number',
      received: 'string',
      path: ['event_time'],
      message: 'Expected number, received string',
    }),
  );
});

test('400: the documented batch error', async () => {
  assert.equal(
    await refusal(
      '/email/batch',
      Array.from({ length: 101 }, () => VALID),
    ),
    batch({
      code: 'too_big',
      maximum: 100,
      type: 'array',
      inclusive: true,
      exact: false,
      message: 'Array must contain at most 100 element(s)',
      path: [],
    }),
  );
});

test('400: every rule of the schema', async () => {
  const min = (...path: string[]) =>
    size({ code: 'too_small', minimum: 1 }, 'string', 'String must contain at least 1 character(s)', ...path);
  const cases: [unknown, ...object[]][] = [
    [{}, wrong('string', 'undefined', 'email_id'), wrong('string', 'undefined', 'domain')],
    [{ ...VALID, email_id: 'a'.repeat(256) }, tooLong(255, 'email_id')],
    [{ ...VALID, domain: '' }, min('domain')],
    [{ ...VALID, domain: 'a'.repeat(256) }, tooLong(255, 'domain')],
    [{ ...VALID, domain: null }, wrong('string', 'null', 'domain')],
    [{ ...VALID, labels: 'inbox' }, wrong('array', 'string', 'labels')],
    [
      { ...VALID, labels: ['ok', 5, 'a'.repeat(101)] },
      wrong('string', 'number', 'labels', 1),
      tooLong(100, 'labels', 2),
    ],
    [{ ...VALID, metadata: [] }, wrong('object', 'array', 'metadata')],
    [{ ...VALID, metadata: null }, wrong('object', 'null', 'metadata')],
    ['[]', wrong('object', 'array')],
    ['5', wrong('object', 'number')],
  ];
  for (const [body, ...errors] of cases) assert.equal(await refusal('/email', body), single(...errors));
});

test('400: a time is whole milliseconds from 1970 to 2299', async () => {
  const latest = Date.UTC(2300, 0, 1) - 1;
  const above = size(
    { code: 'too_big', maximum: latest },
    'number',
    `Number must be less than or equal to ${latest}`,
    'event_time',
  );
  const below = size(
    { code: 'too_small', minimum: 0 },
    'number',
    'Number must be greater than or equal to 0',
    'received_at',
  );
  assert.equal(await refusal('/email', { ...VALID, event_time: latest + 1 }), single(above));
  assert.equal(await refusal('/email', { ...VALID, event_time: 1e300 }), single(above));
  assert.equal(await refusal('/email', { ...VALID, received_at: -1 }), single(below));
  assert.equal(
    await refusal('/email', { ...VALID, event_time: 1703123456.789, received_at: null }),
    single(wrong('integer', 'float', 'event_time'), wrong('number', 'null', 'received_at')),
  );
});

test('400: a batch tells the issues of every bad event, with its index', async () => {
  assert.equal(
    await refusal('/email/batch', [VALID, { domain: 'b' }, 'x', { ...VALID, email_id: 7 }]),
    batch(
      wrong('string', 'undefined', 1, 'email_id'),
      wrong('object', 'string', 2),
      wrong('string', 'number', 3, 'email_id'),
    ),
  );
  assert.equal(await refusal('/email/batch', VALID), batch(wrong('array', 'object')));
  assert.deepEqual(bench.events, []);
});

test('400: what is not JSON, or refused although it is, has the same shape', async () => {
  const words = 'The request body is not valid JSON: unexpected end';
  assert.equal(await refusal('/email', '{"email_id":'), single({ code: 'custom', message: words, path: [] }));
  assert.equal(
    await refusal('/email/batch', '[{"email_id":'),
    batch({ code: 'custom', message: words, path: [] }),
  );
  assert.match(await refusal('/email', '{"metadata":{"__proto__":1}}'), /"path":\["metadata","__proto__"\]/);
});

test('the list of issues stays short, however many there are', async () => {
  const labels = Array.from({ length: 100_000 }, () => 0);
  const body = await refusal('/email/batch', [
    { ...VALID, labels },
    { ...VALID, labels },
  ]);
  assert.ok(body.length < 20_000, String(body.length));
});
