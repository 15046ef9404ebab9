import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { onStandalone } from '@millrace/testkit';
import { assertJson, memberOf } from './support/assert-answer.ts';
import { exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';
import { countSettled } from './support/stored-events.ts';

const GOOD = { email_id: 'a', domain: 'b' };

/** An issue as the document's validator prints it, without its path. */
type Issue = Readonly<Record<string, unknown>>;

const tooLong = (maximum: number): Issue => ({
  code: 'too_big',
  maximum,
  type: 'string',
  inclusive: true,
  exact: false,
  message: `String must contain at most ${maximum} character(s)`,
});
const tooShort: Issue = {
  code: 'too_small',
  minimum: 1,
  type: 'string',
  inclusive: true,
  exact: false,
  message: 'String must contain at least 1 character(s)',
};
const wrongType = (expected: string, received: string): Issue => ({
  code: 'invalid_type',
  expected,
  received,
  message: received === 'undefined' ? 'Required' : `Expected ${expected}, received ${received}`,
});

const INVALID: readonly { what: string; event: object; path: readonly (string | number)[]; issue: Issue }[] =
  [
    {
      what: 'no email_id',
      event: { domain: 'b' },
      path: ['email_id'],
      issue: wrongType('string', 'undefined'),
    },
    { what: 'an empty email_id', event: { ...GOOD, email_id: '' }, path: ['email_id'], issue: tooShort },
    {
      what: 'a long email_id',
      event: { ...GOOD, email_id: 'x'.repeat(256) },
      path: ['email_id'],
      issue: tooLong(255),
    },
    {
      what: 'a numeric email_id',
      event: { ...GOOD, email_id: 1 },
      path: ['email_id'],
      issue: wrongType('string', 'number'),
    },
    {
      what: 'no domain',
      event: { email_id: 'a' },
      path: ['domain'],
      issue: wrongType('string', 'undefined'),
    },
    { what: 'an empty domain', event: { ...GOOD, domain: '' }, path: ['domain'], issue: tooShort },
    {
      what: 'a long domain',
      event: { ...GOOD, domain: 'x'.repeat(256) },
      path: ['domain'],
      issue: tooLong(255),
    },
    {
      what: 'labels that are text',
      event: { ...GOOD, labels: 'x' },
      path: ['labels'],
      issue: wrongType('array', 'string'),
    },
    {
      what: 'a long label',
      event: { ...GOOD, labels: ['a', 'x'.repeat(101)] },
      path: ['labels', 1],
      issue: tooLong(100),
    },
    {
      what: 'a numeric label',
      event: { ...GOOD, labels: [1] },
      path: ['labels', 0],
      issue: wrongType('string', 'number'),
    },
    {
      what: 'a date as text',
      event: { ...GOOD, received_at: 'now' },
      path: ['received_at'],
      issue: wrongType('number', 'string'),
    },
    {
      what: 'a null time',
      event: { ...GOOD, event_time: null },
      path: ['event_time'],
      issue: wrongType('number', 'null'),
    },
    {
      what: 'metadata that is an array',
      event: { ...GOOD, metadata: [] },
      path: ['metadata'],
      issue: wrongType('object', 'array'),
    },
    {
      what: 'metadata that is text',
      event: { ...GOOD, metadata: 'x' },
      path: ['metadata'],
      issue: wrongType('object', 'string'),
    },
  ];

onStandalone('004 email: errors', (stack) => {
  let issuer: Issuer;
  before(() => {
    issuer = openIssuer(stack());
  });

  const send = (path: string, body: unknown, headers?: Record<string, string>) =>
    httpCall(`${stack().connection.url}${path}`, {
      headers: {
        'content-type': 'application/json',
        ...(headers ?? { 'x-api-key': stack().connection.credentials.emailApiKey }),
      },
      body: JSON.stringify(body),
    });

  test('400: an empty email_id answers the documented body', async () => {
    assertJson(await send('/email', { ...GOOD, email_id: '' }), 400, exampleJson('email/schema-error.json'));
  });

  test('400: a date that is text answers the documented body', async () => {
    const answer = await send('/email', { ...GOOD, event_time: '2024-01-30T12:34:56Z' });
    assertJson(answer, 400, exampleJson('email/date-error.json'));
  });

  test('400: 101 events answer the documented body', async () => {
    const events = Array.from({ length: 101 }, () => ({ email_id: randomUUID(), domain: 'hundred.and.one' }));
    assertJson(await send('/email/batch', events), 400, exampleJson('email/batch-error.json'));
  });

  describe('400 lists what is wrong, in the documented shape', () => {
    for (const { what, event, path, issue } of INVALID) {
      test(what, async () => {
        const errors = [{ ...issue, path }];
        const single = { status: 'error', message: 'Invalid email event schema', errors };
        assertJson(await send('/email', event), 400, single);
        const inBatch = [{ ...issue, path: [1, ...path] }];
        const batch = { status: 'error', message: 'Invalid batch email event schema', errors: inBatch };
        assertJson(await send('/email/batch', [GOOD, event]), 400, batch);
      });
    }

    test('every issue at once', async () => {
      const answer = await send('/email', { email_id: '', labels: [1] });
      const errors = memberOf(answer.json(), 'errors');
      assert.ok(Array.isArray(errors));
      const paths = errors.map((error) => memberOf(error, 'path'));
      assert.deepEqual(paths, [['email_id'], ['domain'], ['labels', 0]]);
    });

    test('a body that is no object, and a batch that is no array', async () => {
      assertJson(await send('/email', []), 400, {
        status: 'error',
        message: 'Invalid email event schema',
        errors: [{ ...wrongType('object', 'array'), path: [] }],
      });
      assertJson(await send('/email/batch', {}), 400, {
        status: 'error',
        message: 'Invalid batch email event schema',
        errors: [{ ...wrongType('array', 'object'), path: [] }],
      });
    });
  });

  test('nothing of a refused batch is stored', async () => {
    const before = await countSettled(stack());
    const good = Array.from({ length: 5 }, () => ({ email_id: randomUUID(), domain: 'half.example' }));
    assert.equal((await send('/email/batch', [...good, { domain: 'x' }])).status, 400);
    assert.equal(await countSettled(stack()), before);
  });

  for (const path of ['/email', '/email/batch']) {
    test(`401: a missing, an empty and a wrong key at ${path} answer the documented body`, async () => {
      const body = path.endsWith('batch') ? [GOOD] : GOOD;
      for (const headers of [{}, { 'x-api-key': '' }, { 'x-api-key': 'your-secret-api-key-here' }]) {
        assertJson(await send(path, body, headers), 401, exampleJson('email/missing-key.json'));
      }
    });

    test(`401: a key without events:write at ${path} answers the documented body`, async () => {
      const key = await issuer.issue({ permissions: ['events:read'] });
      const body = path.endsWith('batch') ? [GOOD] : GOOD;
      assertJson(await send(path, body, { 'x-api-key': key }), 401, exampleJson('email/missing-key.json'));
    });
  }
});

onStandalone(
  '004 email: EMAIL_COMPAT_ALWAYS_200',
  (stack) => {
    test('200: every documented error keeps its body', async () => {
      const { url, credentials } = stack().connection;
      const send = (path: string, body: unknown, key: string) =>
        httpCall(`${url}${path}`, {
          headers: { 'content-type': 'application/json', 'x-api-key': key },
          body: JSON.stringify(body),
        });
      const { emailApiKey } = credentials;
      assert.equal(emailApiKey, 'the-configured-e-mail-key');
      assertJson(await send('/email', GOOD, ''), 200, exampleJson('email/missing-key.json'));
      const empty = { ...GOOD, email_id: '' };
      assertJson(await send('/email', empty, emailApiKey), 200, exampleJson('email/schema-error.json'));
      const many = Array.from({ length: 101 }, () => GOOD);
      assertJson(await send('/email/batch', many, emailApiKey), 200, exampleJson('email/batch-error.json'));
    });
  },
  { env: { EMAIL_COMPAT_ALWAYS_200: 'true', EMAIL_API_KEY: 'the-configured-e-mail-key' } },
);
