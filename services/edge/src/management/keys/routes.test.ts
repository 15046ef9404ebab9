import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { USER_ID } from '../../../test/granting.ts';
import { KEY_ID, SHOWN, send, stored } from '../../../test/keys.ts';

const EXAMPLE = `{
  "name": "Production API Key",
  "permissions": ["messages:send", "conversations:read"]
}`;
const SECRET = 'sk_lV4gXA78mzlEjhpRIoyRx-trBxKs0g701MeEvPcrvZ';
const NOW_MS = Date.UTC(2024, 0, 30, 12, 40);

test('201: the documented creation shows the key', async () => {
  const asked: unknown[] = [];
  const answer = await send(
    {
      async createCredential({ workspaceId, userId, kind, name, permissions, expiresAt, rateLimit, actor }) {
        asked.push({ workspaceId, userId, kind, name, permissions, expiresAt, rateLimit });
        assert.partialDeepStrictEqual(actor, { userId: USER_ID, permissions: ['api-keys:manage'] });
        return { credential: stored(), secret: SECRET };
      },
    },
    'POST',
    '/api-keys',
    { headers: { authorization: 'Bearer jwt.admin' }, body: EXAMPLE },
  );
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.body, { ...SHOWN, key: SECRET });
  assert.deepEqual(answer.reply.headers, ['cache-control', 'no-store']);
  assert.deepEqual(asked, [
    {
      workspaceId: WORKSPACE_ID,
      userId: USER_ID,
      kind: CredentialKind.SECRET_KEY,
      name: 'Production API Key',
      permissions: ['messages:send', 'conversations:read'],
      expiresAt: undefined,
      rateLimit: undefined,
    },
  ]);
});

test('201: a key with an expiry and a limit of its own', async () => {
  const rateLimit = { requestsPerMinute: 600, burst: 100 };
  const answer = await send(
    {
      async createCredential({ expiresAt, rateLimit }) {
        assert.equal(expiresAt && timestampMs(expiresAt), NOW_MS);
        assert.partialDeepStrictEqual(rateLimit, { requestsPerMinute: 600, burst: 0 });
        const lastUsedAt = timestampFromMs(NOW_MS - 1);
        const limit = { requestsPerMinute: 600, burst: 100 };
        return { credential: stored({ expiresAt, lastUsedAt, rateLimit: limit }), secret: SECRET };
      },
    },
    'POST',
    '/api-keys',
    {
      body: {
        name: 'a',
        permissions: [],
        expiresAt: '2024-01-30T13:40:00+01:00',
        rateLimit: { requestsPerMinute: 600 },
      },
    },
  );
  assert.equal(answer.status, 201);
  assert.partialDeepStrictEqual(answer.body, {
    expiresAt: '2024-01-30T12:40:00.000Z',
    lastUsedAt: '2024-01-30T12:39:59.999Z',
    rateLimit,
  });
});

test('200: the list is a bare array of every kind of key, without secrets', async () => {
  const answer = await send(
    {
      async listCredentials({ workspaceId, kind, pageSize, pageToken, userId }) {
        assert.deepEqual(
          { workspaceId, kind, pageSize, pageToken, userId },
          {
            workspaceId: WORKSPACE_ID,
            kind: CredentialKind.UNSPECIFIED,
            pageSize: 200,
            pageToken: '',
            userId: '',
          },
        );
        const kinds = [
          CredentialKind.SECRET_KEY,
          CredentialKind.ANALYTICS_KEY,
          CredentialKind.EXTERNAL_EVENT_TOKEN,
          CredentialKind.ENVIRONMENT,
        ];
        return { credentials: kinds.map((kind) => stored({ kind })), nextPageToken: '' };
      },
    },
    'GET',
    '/api-keys',
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(
    answer.body,
    ['secret_key', 'analytics_key', 'external_event_token', 'environment'].map((kind) => ({
      ...SHOWN,
      kind,
    })),
  );
  assert.deepEqual(answer.reply.headers, []);
});

test('200: a page of the list, and in Link the way to the next', async () => {
  const answer = await send(
    {
      async listCredentials({ pageSize, pageToken }) {
        assert.deepEqual([pageSize, pageToken], [2, 'a&b']);
        return { credentials: [stored(), stored()], nextPageToken: 'c&d' };
      },
    },
    'GET',
    '/api-keys',
    { search: 'limit=2&cursor=a%26b' },
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.reply.headers, ['link', '<?limit=2&cursor=c%26d>; rel="next"']);
});

test('200: one key', async () => {
  const answer = await send(
    {
      async getCredential({ workspaceId, id }) {
        assert.deepEqual([workspaceId, id], [WORKSPACE_ID, KEY_ID]);
        return { credential: stored() };
      },
    },
    'GET',
    '/api-keys/:id',
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, SHOWN);
});

test('200: a change says what is given and nothing else', async () => {
  const NONE = { name: undefined, permissions: undefined, active: undefined, rateLimit: undefined };
  const cases: [body: object, asked: object][] = [
    [{ name: 'New' }, { ...NONE, name: 'New' }],
    [{ permissions: [] }, { ...NONE, permissions: [] }],
    [{ permissions: ['messages:send'] }, { ...NONE, permissions: ['messages:send'] }],
    [{ isActive: false }, { ...NONE, active: false }],
    [{ isActive: true }, { ...NONE, active: true }],
    [{ rateLimit: { requestsPerMinute: 60, burst: 9 } }, { ...NONE, rateLimit: [60, 9] }],
    [{ rateLimit: null }, { ...NONE, rateLimit: [0, 0] }],
  ];
  for (const [body, expected] of cases) {
    const answer = await send(
      {
        async updateCredential({ workspaceId, id, name, permissions, active, rateLimit, actor }) {
          assert.deepEqual([workspaceId, id], [WORKSPACE_ID, KEY_ID]);
          const limit = rateLimit && [rateLimit.requestsPerMinute, rateLimit.burst];
          assert.deepEqual({ name, permissions: permissions?.values, active, rateLimit: limit }, expected);
          assert.equal(actor?.credentialId, 'id of sk_manager');
          return { credential: stored({ name: 'New' }) };
        },
      },
      'PATCH',
      '/api-keys/:id',
      { body },
    );
    assert.equal(answer.status, 200, answer.reply.body);
    assert.deepEqual(answer.body, { ...SHOWN, name: 'New' });
  }
});

test('200: a deactivation takes no body and answers the key as it is now', async () => {
  const answer = await send(
    {
      async updateCredential({ workspaceId, id, active, name, permissions, rateLimit, actor }) {
        assert.deepEqual(
          [workspaceId, id, active, name, permissions, rateLimit, actor?.credentialId],
          [WORKSPACE_ID, KEY_ID, false, undefined, undefined, undefined, 'id of sk_manager'],
        );
        return { credential: stored({ active: false }) };
      },
    },
    'POST',
    '/api-keys/:id/deactivate',
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { ...SHOWN, isActive: false });
});

test('204: a deletion', async () => {
  const answer = await send(
    {
      async deleteCredential({ workspaceId, id, actor }) {
        assert.deepEqual([workspaceId, id, actor?.credentialId], [WORKSPACE_ID, KEY_ID, 'id of sk_manager']);
        return {};
      },
    },
    'DELETE',
    '/api-keys/:id',
  );
  assert.deepEqual([answer.status, answer.reply.body], [204, '']);
});

test('201: a rotation shows the new key; the old one stops at once unless an overlap is asked for', async () => {
  for (const [body, overlap] of [
    [undefined, 0],
    [{}, 0],
    [{ overlapSeconds: 0 }, 0],
    [{ overlapSeconds: 2_592_000 }, 2_592_000],
  ] as const) {
    const answer = await send(
      {
        async rotateCredential({ workspaceId, id, overlapSeconds, actor }) {
          assert.deepEqual(
            [workspaceId, id, overlapSeconds, actor?.credentialId],
            [WORKSPACE_ID, KEY_ID, overlap, 'id of sk_manager'],
          );
          return { credential: stored(), secret: SECRET };
        },
      },
      'POST',
      '/api-keys/:id/rotate',
      { body },
    );
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.body, { ...SHOWN, key: SECRET });
    assert.deepEqual(answer.reply.headers, ['cache-control', 'no-store']);
  }
});
