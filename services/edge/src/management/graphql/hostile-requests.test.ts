import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { benchGraphql } from '../../../test/graphql-harness.ts';
import { type HostileRequest, hostileRequests } from '../../../test/hostile-requests.ts';

/** What an answer must not tell: a stack, a file, or a guess at names. */
const LEAKS = /\bat .+:\d+:\d+|node_modules|\.[jt]s\b|\/work\/|Did you mean|secret_of_nobody/;

const requests = hostileRequests();

describe(`${requests.length} hostile requests`, () => {
  test('are at least 200, each of its own', () => {
    assert.ok(requests.length >= 200);
    assert.equal(new Set(requests.map(({ what }) => what)).size, requests.length);
  });

  // One bench for all: what one leaves behind must not help the next. Auth isn't there to be asked.
  const bench = benchGraphql();
  const send = ({ body, contentType }: HostileRequest) =>
    bench.send(body, contentType === undefined ? {} : { 'content-type': contentType });

  for (const request of requests) {
    test(`refused: ${request.what}`, async () => {
      const { status, body, text } = await send(request);
      assert.ok(status === 200 || (status >= 400 && status < 500), `${status} ${text}`);
      assert.ok(body.errors.length >= 1 && body.errors.length <= 10, text.slice(0, 500));
      for (const { message, extensions } of body.errors) {
        assert.ok(message.length > 0 && message.length <= 300);
        assert.match(extensions.code, /^[A-Z_]+$/);
      }
      assert.ok(body.data === undefined || body.data === null);
      assert.doesNotMatch(text, LEAKS);
      assert.ok(text.length < 8_192, `${text.length} characters`);
    });
  }

  test('after all of them a good one is answered', async () => {
    assert.deepEqual((await bench.ask('{ __typename }')).body, { data: { __typename: 'Query' } });
  });
});
