import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { getIntrospectionQuery } from 'graphql';
import { benchGraphql, KEY } from '../../../test/graphql-harness.ts';

const DOCUMENT = 'mutation { createExternalEventToken { token expiresAt } }';

describe('who may ask', () => {
  for (const [status, code, what, headers] of [
    [401, 'UNAUTHENTICATED', 'nobody', { authorization: '' }],
    [401, 'UNAUTHENTICATED', 'an unknown JWT', { authorization: 'Bearer e.y.J' }],
    [401, 'UNAUTHENTICATED', 'a key, however mighty', { authorization: `Bearer ${KEY}` }],
    [401, 'UNAUTHENTICATED', 'a JWT in another header', { authorization: '', 'x-api-key': 'member' }],
    [403, 'FORBIDDEN', 'a viewer', { authorization: 'Bearer viewer' }],
  ] as const) {
    test(`${status} ${code}: ${what}`, async () => {
      const answer = await benchGraphql().send({ query: DOCUMENT }, headers);
      assert.equal(answer.status, status);
      assert.equal(answer.body.errors.length, 1);
      assert.deepEqual(Object.keys(answer.body), ['errors']);
      assert.deepEqual(answer.body.errors[0].extensions, { code });
      assert.ok(answer.body.errors[0].message.length > 0);
    });
  }
});

describe('failures of others', () => {
  function failing(error: Error) {
    return benchGraphql({
      credentials: {
        createCredential: () => {
          throw error;
        },
      },
    });
  }

  test('503 SERVICE_UNAVAILABLE: auth is away', async () => {
    for (const code of ['unavailable', 'deadline_exceeded'] as const) {
      const answer = await failing(new MillraceError(code, 'connect ECONNREFUSED 10.0.0.7:7001')).ask(
        DOCUMENT,
      );
      assert.equal(answer.status, 503);
      assert.equal(answer.body.errors[0].extensions.code, 'SERVICE_UNAVAILABLE');
      assert.ok(answer.headers.includes('retry-after'));
      assert.ok(!answer.text.includes('10.0.0.7'));
    }
  });

  test('500 INTERNAL_SERVER_ERROR: a bug says nothing of itself', async () => {
    const answer = await failing(new MillraceError('internal', 'pepper lost at /srv/x.ts:1')).ask(DOCUMENT);
    assert.equal(answer.status, 500);
    assert.deepEqual(answer.body, {
      errors: [{ message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });
});

describe('the schema', () => {
  test('in development it describes itself and suggests names', async () => {
    const bench = benchGraphql({ development: true });
    const { body } = await bench.ask(getIntrospectionQuery());
    assert.equal(body.data.__schema.mutationType.name, 'Mutation');
    const mistyped = await bench.ask('{ externalEventToken { id } }');
    assert.match(mistyped.body.errors[0].message, /Did you mean "externalEventTokens"/);
  });

  test('elsewhere it does neither', async () => {
    const bench = benchGraphql();
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Query") { name } }',
      '{ externalEventToken { id } }',
      'mutation { createExternalEventToken(nam: "x") { toke } }',
      'mutation New($x: Strin) { createExternalEventToken(name: $x) { id } }',
      '{ __typename @skp(if: true) }',
    ]) {
      const { body, text } = await bench.ask(query);
      assert.equal(body.data, undefined);
      assert.ok(body.errors.length > 0);
      assert.ok(!text.includes('Did you mean'), text);
    }
  });

  test('errors in a document have a status only for clients that ask for it', async () => {
    const bench = benchGraphql();
    assert.equal((await bench.ask('{ nope }')).status, 200);
    const accept = 'application/graphql-response+json, application/json;q=0.9';
    const answer = await bench.ask('{ nope }', { accept });
    assert.equal(answer.status, 400);
    assert.match(answer.headers.join(' '), /application\/graphql-response\+json/);
  });

  test('400: a batch is told that it is one', async () => {
    const { status, body } = await benchGraphql().send([{ query: '{ __typename }' }]);
    assert.equal(status, 400);
    assert.equal(body.errors[0].message, 'Batches are not supported');
  });
});
