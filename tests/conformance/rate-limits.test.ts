import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { type HttpAnswer, onEachTopology, type TestStack } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';
import { type Issuer, openIssuer } from './support/issue-credential.ts';

const PER_MINUTE = 5;
const EVENT = '{"name":"limits.check"}';
const AT_ONCE = 25;
const CLIENT = '198.51.100.1';
const OTHER_CLIENT = '198.51.100.2';

onEachTopology(
  'rate limits',
  (stack) => {
    let issuer: Issuer;
    before(() => {
      issuer = openIssuer(stack());
    });

    describe('of the workflow API', () => {
      test('429: a token beyond its minute gets the documented body and is told when to come back', async () => {
        const token = await issuer.issue({ permissions: ['events:write'] });
        const answers: HttpAnswer[] = [];
        for (let i = 0; i < PER_MINUTE; i++) answers.push(await send(stack(), token));
        for (const [i, answer] of answers.entries()) {
          assert.equal(answer.status, 202, answer.text);
          assertLimitTold(answer, { quota: PER_MINUTE, remaining: PER_MINUTE - 1 - i });
        }

        const refused = await send(stack(), token);
        assert.equal(refused.status, 429);
        assert.deepEqual(refused.json(), {
          success: false,
          error: { code: 'rate_limited', message: 'Too many requests' },
        });
        assertLimitTold(refused, { quota: PER_MINUTE, remaining: 0 });
        const seconds = Number(refused.headers['retry-after']);
        assert.ok(seconds >= 1 && seconds <= 60 / PER_MINUTE, String(refused.headers['retry-after']));

        const other = await issuer.issue({ permissions: ['events:write'] });
        assert.equal((await send(stack(), other)).status, 202, 'each token has a limit of its own');
      });

      test('400: a refused event is told of the limit too', async () => {
        const token = await issuer.issue({ permissions: ['events:write'] });
        const answer = await send(stack(), token, '{}');
        assert.equal(answer.status, 400);
        assertLimitTold(answer, { quota: PER_MINUTE, remaining: PER_MINUTE - 1 });
      });

      test('202: other APIs have no such limit, and tell of none', async () => {
        const key = await issuer.issue({ permissions: ['events:write'] });
        for (let i = 0; i <= PER_MINUTE; i++) {
          const answer = await httpCall(`${stack().connection.url}/api/v1/events`, {
            headers: { 'x-api-key': key, 'content-type': 'application/json' },
            body: '{"eventType":"limits.check","userId":"u","sessionId":"s","timestamp":"2024-01-30T12:00:00Z"}',
          });
          assert.equal(answer.status, 202, answer.text);
          assert.equal(answer.headers['ratelimit'], undefined);
        }
      });
    });

    describe('of a credential', () => {
      test('429 and RESOURCE_EXHAUSTED: HTTP and RPC draw on the same limit', async () => {
        const key = await issuer.issue({
          permissions: ['events:write'],
          rateLimit: { requestsPerMinute: 2, burst: 2 },
        });
        const { url } = stack().connection;
        const client = createClient(EventService, createGrpcTransport({ baseUrl: url }));
        const call = (onHeader: (headers: Headers) => void) =>
          client.ingest(
            { events: [{ type: 'limits.check' }] },
            { headers: { authorization: `Bearer ${key}` }, onHeader },
          );
        await call(() => undefined);
        let headers = new Headers();
        await call((received) => {
          headers = received;
        });
        assert.equal(headers.get('ratelimit-policy'), '"default";q=2;w=60');
        assert.match(headers.get('ratelimit') ?? '', /^"default";r=0;t=\d+$/);

        const refused = await send(stack(), key);
        assert.equal(refused.status, 429);
        assertLimitTold(refused, { quota: 2, remaining: 0 });
        await assert.rejects(
          call(() => undefined),
          /resource_exhausted/,
        );
      });
    });

    describe('of sign-in', () => {
      test('429: a hundred requests of an address go through, whatever else it says it is, then it waits', async () => {
        const forwarded = (i: number) => (i % 2 === 0 ? CLIENT : `6.6.6.${i}, ${CLIENT}`);
        const { passed, refused } = await exhaust((i) => askForCode(stack(), forwarded(i)), 400);
        assert.ok(passed.requests >= 100 && passed.requests <= passed.most, JSON.stringify(passed));
        assert.equal(refused.headers['retry-after'], '1');
        assertLimitTold(refused, { quota: 100, remaining: 0 });
        assert.equal((await askForCode(stack(), OTHER_CLIENT)).status, 400);
      });
    });
  },
  { env: { WORKFLOW_RATE_LIMIT_PER_MINUTE: String(PER_MINUTE), TRUSTED_PROXIES: 'loopback' } },
);

onEachTopology('client address without trusted proxies', (stack) => {
  test('429: X-Forwarded-For buys nobody another limit', async () => {
    const { passed } = await exhaust((i) => askForCode(stack(), `198.51.100.${i}`), 400);
    assert.ok(passed.requests >= 100 && passed.requests <= passed.most, JSON.stringify(passed));
  });

  test('429: paths that are not there count as well', async () => {
    const ask = () => httpCall(`${stack().connection.url}/api/auth/nothing`, { method: 'GET', headers: {} });
    await exhaust(ask, 404);
    assert.equal((await askForCode(stack(), CLIENT)).status, 429);
  });
});

/**
 * Asks until it is refused, several at once: the limit grows with the time, by one in 600 ms. `most` is what it may have
 * let through meanwhile.
 */
async function exhaust(ask: (i: number) => Promise<HttpAnswer>, expectedStatus: number) {
  const beganMs = performance.now();
  let requests = 0;
  for (let asked = 0; asked < 100 * AT_ONCE; asked += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(asked + i)));
    const most = 100 + Math.ceil((performance.now() - beganMs) / 600);
    const refused = answers.find(({ status }) => status === 429);
    for (const { status, text } of answers) {
      if (status !== 429) assert.equal(status, expectedStatus, text);
    }
    requests += answers.filter(({ status }) => status !== 429).length;
    if (refused !== undefined) return { passed: { requests, most }, refused };
  }
  return assert.fail('nobody was refused');
}

function askForCode(stack: TestStack, forwarded: string): Promise<HttpAnswer> {
  return httpCall(`${stack.connection.url}/api/auth/request-code`, {
    headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
    body: 'not json',
  });
}

function send(stack: TestStack, token: string, body = EVENT): Promise<HttpAnswer> {
  return httpCall(`${stack.connection.url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
}

function assertLimitTold(answer: HttpAnswer, expected: { quota: number; remaining: number }): void {
  assert.equal(answer.headers['ratelimit-policy'], `"default";q=${expected.quota};w=60`);
  assert.match(
    String(answer.headers['ratelimit']),
    new RegExp(`^"default";r=${expected.remaining};t=[1-9][0-9]*$`),
  );
}
