import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type CreateCredentialRequest,
  CredentialKind,
  type ListCredentialsRequest,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError } from '@millrace/runtime';
import { NOW_MS, WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { benchGraphql, SESSIONS, STORED_TOKEN } from '../../../test/graphql-harness.ts';

/** The published document, as it stands. */
const DOCUMENTED = `mutation {
  createExternalEventToken {
    token
    expiresAt
  }
}
`;
const SECRET = 'a1'.repeat(32);
const LIST =
  '{ externalEventTokens { id name prefix lastFour createdAt expiresAt lastUsedAt isActive __typename } }';

describe('createExternalEventToken', () => {
  function creating() {
    const asked: CreateCredentialRequest[] = [];
    const bench = benchGraphql({
      credentials: {
        createCredential: async (request) => {
          asked.push(request);
          return {
            credential: { ...STORED_TOKEN, expiresAt: request.expiresAt ?? STORED_TOKEN.expiresAt },
            secret: SECRET,
          };
        },
      },
    });
    return { asked, bench };
  }

  test('200: the documented mutation answers the documented members', async () => {
    const { asked, bench } = creating();
    const answer = await bench.ask(DOCUMENTED);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      data: {
        createExternalEventToken: { token: SECRET, expiresAt: new Date(NOW_MS + 1_000).toISOString() },
      },
    });
    const [request, ...more] = asked;
    assert.equal(more.length, 0);
    assert.equal(request?.workspaceId, WORKSPACE_ID);
    assert.equal(request?.userId, SESSIONS.member.userId);
    assert.equal(request?.kind, CredentialKind.EXTERNAL_EVENT_TOKEN);
    assert.deepEqual(request?.permissions, ['events:write']);
    assert.equal(request?.expiresAt, undefined);
    assert.equal(request?.actor?.userId, SESSIONS.member.userId);
    assert.equal(request?.actor?.ipAddress, '192.0.2.1');
  });

  test('200: a name and an expiry are passed on', async () => {
    const { asked, bench } = creating();
    const expiresAt = '2024-02-29T12:00:00.250+02:00';
    const answer = await bench.ask(
      'mutation New($name: String, $at: DateTime) { createExternalEventToken(name: $name, expiresAt: $at) { id expiresAt } }',
      { variables: { name: 'crm', at: expiresAt } },
    );
    assert.deepEqual(answer.body.data.createExternalEventToken, {
      id: STORED_TOKEN.id,
      expiresAt: '2024-02-29T10:00:00.250Z',
    });
    assert.equal(asked[0]?.name, 'crm');
    assert.deepEqual(asked[0]?.expiresAt, timestampFromMs(Date.UTC(2024, 1, 29, 10, 0, 0, 250)));
  });

  test('no cache keeps an answer with a token', async () => {
    const { headers } = await creating().bench.ask(DOCUMENTED);
    assert.equal(headers[headers.indexOf('cache-control') + 1], 'no-store');
  });

  for (const [what, value] of [
    ['no time', '"tomorrow"'],
    ['no such day', '"2025-02-30T00:00:00Z"'],
    ['a number', '1767225599999'],
  ]) {
    test(`an expiry that is ${what} is refused`, async () => {
      const { asked, bench } = creating();
      const { body } = await bench.ask(`mutation { createExternalEventToken(expiresAt: ${value}) { id } }`);
      assert.match(body.errors[0].message, /^DateTime must be an RFC 3339 date-time/);
      assert.equal(body.errors[0].locations.length, 1);
      assert.equal(asked.length, 0);
    });
  }

  test("auth's refusal of a field names it as the document does", async () => {
    const bench = benchGraphql({
      credentials: {
        createCredential: () => {
          throw fieldError('expires_at', 'must be in the future');
        },
      },
    });
    const { status, body } = await bench.ask(DOCUMENTED);
    assert.equal(status, 200);
    assert.equal(body.data, null);
    assert.equal(body.errors[0].message, 'expiresAt: must be in the future');
    assert.equal(body.errors[0].extensions.code, 'BAD_USER_INPUT');
    assert.deepEqual(body.errors[0].path, ['createExternalEventToken']);
  });
});

describe('externalEventTokens', () => {
  function listing(pages = 1) {
    const asked: ListCredentialsRequest[] = [];
    const bench = benchGraphql({
      credentials: {
        listCredentials: async (request) => {
          asked.push(request);
          const credentials = Array.from({ length: 200 }, () => STORED_TOKEN);
          return { credentials, nextPageToken: asked.length < pages ? `page-${asked.length}` : '' };
        },
      },
    });
    return { asked, bench };
  }

  test('200: everything but the token', async () => {
    const { bench } = listing();
    const { body } = await bench.ask(LIST);
    assert.deepEqual(body.data.externalEventTokens[0], {
      id: STORED_TOKEN.id,
      name: 'crm',
      prefix: 'a1a1a1a1',
      lastFour: 'a1a1',
      createdAt: new Date(NOW_MS - 1_000).toISOString(),
      expiresAt: new Date(NOW_MS + 1_000).toISOString(),
      lastUsedAt: null,
      isActive: true,
      __typename: 'ExternalEventToken',
    });
    const refused = await bench.ask('{ externalEventTokens { token } }');
    assert.match(refused.body.errors[0].message, /^Cannot query field "token"/);
  });

  test("a member sees their own, who manages keys sees the workspace's", async () => {
    const { asked, bench } = listing();
    await bench.ask(LIST);
    await bench.ask(LIST, { as: 'admin' });
    assert.deepEqual(
      asked.map(({ workspaceId, userId, kind }) => ({ workspaceId, userId, kind })),
      [
        {
          workspaceId: WORKSPACE_ID,
          userId: SESSIONS.member.userId,
          kind: CredentialKind.EXTERNAL_EVENT_TOKEN,
        },
        { workspaceId: WORKSPACE_ID, userId: '', kind: CredentialKind.EXTERNAL_EVENT_TOKEN },
      ],
    );
  });

  test('every page is asked for, up to 1000 tokens', async () => {
    const two = listing(2);
    assert.equal((await two.bench.ask(LIST)).body.data.externalEventTokens.length, 400);
    assert.deepEqual(
      two.asked.map(({ pageToken }) => pageToken),
      ['', 'page-1'],
    );
    const endless = listing(Number.POSITIVE_INFINITY);
    assert.equal((await endless.bench.ask(LIST)).body.data.externalEventTokens.length, 1_000);
  });

  for (const [what, changes] of [
    ['revoked', { active: false }],
    ['expired', { expiresAt: timestampFromMs(NOW_MS) }],
  ] as const) {
    test(`a token that is ${what} is not active`, async () => {
      const bench = benchGraphql({
        credentials: { listCredentials: async () => ({ credentials: [{ ...STORED_TOKEN, ...changes }] }) },
      });
      const { body } = await bench.ask('{ externalEventTokens { isActive } }');
      assert.deepEqual(body.data.externalEventTokens, [{ isActive: false }]);
    });
  }
});
