import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { onEachTopology, type SignedIn, signIn, untilPushed } from '@millrace/testkit';
// What is hostile to the route is listed beside it.
import { hostileRequests } from '../../services/edge/test/hostile-requests.ts';
import { assertJson, assertJsonType, memberOf, textAt } from './support/assert-answer.ts';
import { example } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { storedEvent } from './support/stored-events.ts';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const CREATE = 'mutation { createExternalEventToken { id token expiresAt } }';
const LIST = '{ externalEventTokens { id name prefix lastFour createdAt expiresAt lastUsedAt isActive } }';
const REVOKE = 'mutation Revoke($id: ID!) { revokeExternalEventToken(id: $id) }';

onEachTopology(
  '000 graphql',
  (stack) => {
    let ada: SignedIn;
    let workspaceId: string;
    before(async () => {
      ada = await signIn(stack().connection.url, stack().mail, 'ada@example.com');
      workspaceId = workspaceOf(ada);
    });

    const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
      httpCall(`${stack().connection.url}/graphql`, {
        headers: { 'content-type': 'application/json', ...headers },
        body,
      });
    const ask = (query: string, { as = ada, variables = {} }: { as?: SignedIn; variables?: object } = {}) =>
      post(JSON.stringify({ query, variables }), { ...as.headers });
    const sendEvent = (token: string, type: string, to = workspaceId) =>
      httpCall(`${stack().connection.url}/api/external-event/${to}`, {
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ type, payload: { of: 'graphql' } }),
      });
    const createToken = async () => {
      const created = memberOf((await ask(CREATE)).json(), 'data', 'createExternalEventToken');
      return { id: textAt(created, 'id'), token: textAt(created, 'token') };
    };

    test('the documented mutation answers a token that writes events, until it is revoked', async (t) => {
      const askedAtMs = Date.now();
      const answer = await ask(example('external-event/create-token.graphql'));
      assert.equal(answer.status, 200, answer.text);
      const created = memberOf(answer.json(), 'data', 'createExternalEventToken');
      assert.deepEqual(Object.keys(created as object), ['token', 'expiresAt']);
      const token = textAt(created, 'token');
      assert.match(token, /^[0-9a-f]{64}$/);
      const expiresAt = textAt(created, 'expiresAt');
      assert.match(expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const madeAtMs = Date.parse(expiresAt) - YEAR_MS;
      assert.ok(madeAtMs >= askedAtMs && madeAtMs <= Date.now(), expiresAt);
      assert.equal(answer.headers['cache-control'], 'no-store');

      const type = `graphql.${randomUUID()}`;
      assertJson(await sendEvent(token, type), 201, { success: true });
      assert.equal((await storedEvent(stack(), { eventType: type, workspaceId })).dialect, 'external-event');

      const [listed] = tokensIn((await ask(LIST)).json());
      assert.equal(listed?.['lastFour'], token.slice(-4));
      assertJson(await ask(REVOKE, { variables: { id: listed?.['id'] } }), 200, {
        data: { revokeExternalEventToken: true },
      });
      await untilPushed(t, 'refused', async () =>
        assert.equal((await sendEvent(token, 'graphql.revoked')).status, 401),
      );
    });

    test('the list tells everything of a token but itself, and keeps revoked ones', async () => {
      const { id, token } = await createToken();
      const find = async () => {
        const answer = await ask(LIST);
        assert.ok(!answer.text.includes(token));
        const found = tokensIn(answer.json()).find((listed) => listed['id'] === id);
        assert.ok(found, answer.text);
        return found;
      };
      const { createdAt, expiresAt, name, ...rest } = await find();
      assert.deepEqual(rest, {
        id,
        prefix: token.slice(0, 8),
        lastFour: token.slice(-4),
        lastUsedAt: null,
        isActive: true,
      });
      assert.ok(String(name).length > 0);
      assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), YEAR_MS);
      await ask(REVOKE, { variables: { id } });
      assert.equal((await find())['isActive'], false);
      // Again is no error: the caller wanted it not to work.
      assert.equal(
        memberOf((await ask(REVOKE, { variables: { id } })).json(), 'data', 'revokeExternalEventToken'),
        true,
      );
    });

    test('a name and an expiry are kept; an expiry that has passed is refused', async () => {
      const mutation =
        'mutation New($name: String, $at: DateTime) { createExternalEventToken(name: $name, expiresAt: $at) { id expiresAt } }';
      const at = new Date(Date.now() + 60_000).toISOString();
      const created = (await ask(mutation, { variables: { name: 'crm', at } })).json();
      const id = textAt(created, 'data', 'createExternalEventToken', 'id');
      assert.equal(memberOf(created, 'data', 'createExternalEventToken', 'expiresAt'), at);
      const listed = tokensIn((await ask(LIST)).json()).find((token) => token['id'] === id);
      assert.equal(listed?.['name'], 'crm');
      const refused = await ask(mutation, { variables: { at: '2020-01-01T00:00:00Z' } });
      assert.equal(codeOf(refused.json()), 'BAD_USER_INPUT');
      assert.match(textAt(refused.json(), 'errors', 0, 'message'), /^expiresAt: /);
    });

    test("another workspace's tokens are neither seen nor revoked", async () => {
      const { id, token } = await createToken();
      const bob = await signIn(stack().connection.url, stack().mail, 'bob@example.com');
      assert.deepEqual(tokensIn((await ask(LIST, { as: bob })).json()), []);
      const refused = await ask(REVOKE, { as: bob, variables: { id } });
      assert.equal(codeOf(refused.json()), 'NOT_FOUND');
      assertJson(await sendEvent(token, 'graphql.kept'), 201, { success: true });
      assert.equal((await sendEvent(token, 'graphql.elsewhere', workspaceOf(bob))).status, 401);
    });

    test('NOT_FOUND: an unknown id, and no id', async () => {
      for (const id of [randomUUID(), 'x', '']) {
        const { status, json } = await ask(REVOKE, { variables: { id } });
        assert.equal(status, 200);
        assert.equal(codeOf(json()), 'NOT_FOUND');
      }
    });

    test('401 UNAUTHENTICATED: nobody, nonsense, a changed JWT, a key and a token', async () => {
      const { credentials } = stack().connection;
      const changed = ada.token.replace(/.(?=.{8}$)/, (last) => (last === 'A' ? 'B' : 'A'));
      const bearers = [
        changed,
        'x',
        credentials.apiKey,
        credentials.externalEventToken,
        (await createToken()).token,
      ];
      const answers = await Promise.all([
        post(JSON.stringify({ query: CREATE })),
        post(JSON.stringify({ query: CREATE }), { 'x-api-key': ada.token }),
        ...bearers.map((bearer) =>
          post(JSON.stringify({ query: CREATE }), { authorization: `Bearer ${bearer}` }),
        ),
      ]);
      for (const answer of answers) {
        assert.equal(answer.status, 401, answer.text);
        assertJsonType(answer);
        assert.equal(codeOf(answer.json()), 'UNAUTHENTICATED');
        assert.equal(answer.headers['www-authenticate'], 'Bearer');
      }
    });

    test('405: no query by GET, with its document or with none', async () => {
      for (const search of ['', '?query={__typename}', '?query=mutation{createExternalEventToken{token}}']) {
        const answer = await httpCall(`${stack().connection.url}/graphql${search}`, {
          method: 'GET',
          headers: { ...ada.headers, accept: 'text/html' },
        });
        assert.equal(answer.status, 405);
        assert.equal(answer.headers['allow'], 'POST');
      }
    });

    test('no stream is opened, whatever the client would take', async () => {
      for (const accept of ['text/event-stream', 'multipart/mixed', 'text/html']) {
        const answer = await post('{"query":"{ __typename }"}', { ...ada.headers, accept });
        assertJson(answer, 200, { data: { __typename: 'Query' } });
      }
    });

    describe('hostile requests', () => {
      const requests = hostileRequests();

      test(`${requests.length} of them are refused without a 5xx, a secret or a token made`, async () => {
        const before = tokensIn((await ask(LIST)).json()).length;
        for (const { what, body, contentType = 'application/json' } of requests) {
          const { 'content-type': _, ...typeless } = { 'content-type': contentType, ...ada.headers };
          const answer = await httpCall(`${stack().connection.url}/graphql`, {
            headers: contentType === '' ? typeless : { 'content-type': contentType, ...ada.headers },
            body,
          });
          assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
          assert.ok(answer.status === 200 || answer.status >= 400, `${what}: ${answer.status}`);
          assertJsonType(answer);
          assert.ok(
            Array.isArray(memberOf(answer.json(), 'errors')),
            `${what}: ${answer.text.slice(0, 500)}`,
          );
          assert.doesNotMatch(answer.text, /\bat .+:\d+:\d+|node_modules|\/services\//, what);
        }
        assert.equal(tokensIn((await ask(LIST)).json()).length, before);
      });
    });
  },
  // Development describes the schema to whoever asks.
  { mail: true, env: { MILLRACE_ENV: 'production' } },
);

/** The workspace that a session acts in. */
function workspaceOf({ token }: SignedIn): string {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return textAt(JSON.parse(claims), 'workspace_id');
}

function tokensIn(body: unknown): Record<string, unknown>[] {
  const tokens = memberOf(body, 'data', 'externalEventTokens');
  assert.ok(Array.isArray(tokens), JSON.stringify(body));
  return tokens;
}

function codeOf(body: unknown): unknown {
  return memberOf(body, 'errors', 0, 'extensions', 'code');
}
