import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { DeleteWorkspaceRequestSchema } from '@millrace/contracts/millrace/api/v1/workspace';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { callRoute } from '../../../test/workspace-call.ts';
import {
  CALLERS,
  HERE,
  MADE,
  ME,
  PESTERED,
  recordedAuth,
  SESSION_ENDS_MS,
} from '../../../test/workspace-callers.ts';
import type { Grant } from '../../clients/credentials.ts';
import { createWorkspaceApi } from './workspace-api.ts';

const ONE = '/v1/workspaces/:workspaceId';
const MEMBER = `${ONE}/members/:userId`;
const INVITATIONS = `${ONE}/invitations`;
const WORKSPACE = {
  id: HERE,
  name: 'Acme',
  role: 'owner',
  createdAt: MADE,
  rateLimit: { requestsPerMinute: 60, burst: 10 },
};

const member = { workspaceId: HERE, userId: 'user-2' };
const OWNER_OF_IT = { userId: ME, credentialId: '', permissions: ['*'], ipAddress: '', requestId: '' };
const PUBLIC: Grant = {
  ...{ kind: 'granted', credentialId: '', workspaceId: HERE, userId: ME, permissions: new Set(['*']) },
  ...{ credentialKind: CredentialKind.SESSION, expiresAtMs: undefined, rateLimit: undefined },
};
const OWNER = {
  $typeName: 'millrace.auth.v1.Actor',
  userId: ME,
  credentialId: `id-of-${CALLERS.owner}`,
  permissions: ['*'],
  ipAddress: '192.0.2.1',
  requestId: 'request-1',
};

describe('workspaces', () => {
  test('200: a person lists theirs, each with their role', async () => {
    const { status, body, method, request } = await callRoute('GET /v1/workspaces');
    assert.equal(status, 200);
    const first = { ...WORKSPACE, rateLimit: null };
    assert.deepEqual(body, { workspaces: [first, { ...WORKSPACE, id: 'workspace-2' }] });
    assert.deepEqual([method, request], ['listWorkspaces', { userId: ME }]);
  });

  test('200: a key lists its own workspace and has no role, even one that was issued to somebody', async () => {
    const { body, method, request } = await callRoute('GET /v1/workspaces', { secret: CALLERS.key });
    assert.deepEqual(body, { workspaces: [{ ...WORKSPACE, role: null }] });
    assert.deepEqual([method, request], ['getWorkspace', { workspaceId: HERE, userId: '' }]);
  });

  test('201: a person makes one', async () => {
    const { status, body, request } = await callRoute('POST /v1/workspaces', { body: { name: 'Acme' } });
    assert.equal(status, 201);
    assert.deepEqual(body, { ...WORKSPACE, rateLimit: null });
    assert.deepEqual(request, { name: 'Acme', actor: OWNER });
  });

  test('200: reading one tells a person their role', async () => {
    const { status, body, request } = await callRoute(`GET ${ONE}`);
    assert.equal(status, 200);
    assert.deepEqual(body, WORKSPACE);
    assert.deepEqual(request, { workspaceId: HERE, userId: ME });
    assert.deepEqual((await callRoute(`GET ${ONE}`, { secret: CALLERS.key })).body, {
      ...WORKSPACE,
      role: null,
    });
  });

  test('200: a change has only what is to change', async () => {
    const asked = async (body: unknown) => {
      const answer = await callRoute(`PATCH ${ONE}`, { body });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, WORKSPACE);
      const { actor, workspaceId, ...change } = answer.request;
      assert.deepEqual([actor, workspaceId], [OWNER, HERE]);
      return JSON.parse(JSON.stringify(change, (key, value) => (key === '$typeName' ? undefined : value)));
    };
    assert.deepEqual(await asked({}), {});
    assert.deepEqual(await asked({ name: 'New' }), { name: 'New' });
    const limit = { requestsPerMinute: 60, burst: 7 };
    assert.deepEqual(await asked({ rateLimit: limit }), { rateLimit: limit });
    const none = { rateLimit: { requestsPerMinute: 0, burst: 0 } };
    assert.deepEqual(await asked({ rateLimit: null }), none);
    assert.deepEqual(await asked({ rateLimit: { requestsPerMinute: 0 } }), none);
  });

  test('201: a session in another workspace lives no longer than the one that was presented', async () => {
    const params = { workspaceId: 'workspace-2' };
    const { status, body, reply, request } = await callRoute(`POST ${ONE}/session`, { params });
    assert.equal(status, 201);
    assert.deepEqual(body, { token: 'jwt', expiresAt: MADE });
    assert.deepEqual(reply.headers, ['cache-control', 'no-store']);
    const { notAfter, ...rest } = request;
    assert.deepEqual(rest, { userId: ME, workspaceId: 'workspace-2', actor: OWNER });
    // The double is handed a protobuf timestamp.
    assert.equal(timestampMs(notAfter as Parameters<typeof timestampMs>[0]), SESSION_ENDS_MS);
  });
});

describe('deleting a workspace', () => {
  const job = {
    ...{ id: 'deletion-1', workspaceId: HERE, status: 'pending', createdAt: MADE, startedAt: null },
    ...{ finishedAt: null, progress: 0, error: null, streamClearedAt: null },
  };
  const done = {
    ...job,
    ...{ id: 'deletion-2', status: 'done', startedAt: MADE, finishedAt: MADE, progress: 1 },
    ...{ error: 'a part can wait', streamClearedAt: MADE },
  };

  test('202: an owner names it twice, and gets the job', async () => {
    const { status, body, request } = await callRoute(`DELETE ${ONE}`, { body: { name: 'Acme' } });
    assert.equal(status, 202);
    assert.deepEqual(body, job);
    assert.deepEqual(request, { workspaceId: HERE, name: 'Acme', actor: OWNER });
  });

  test('409: the one whose figures are public stays, and auth is not asked', async () => {
    const api = createWorkspaceApi(recordedAuth().auth, async () => PUBLIC);
    const request = create(DeleteWorkspaceRequestSchema, { workspaceId: HERE, name: 'Acme' });
    await assert.rejects(api.deleteWorkspace(request, { grant: PUBLIC, actor: OWNER_OF_IT }), {
      code: 'failed_precondition',
      message: /ANALYTICS_PUBLIC_WORKSPACE/,
    });
  });

  test('200: who asked watches it, whatever they may do where they are now', async () => {
    const secret = CALLERS.viewer;
    const listed = await callRoute('GET /v1/workspace-deletions', { secret });
    assert.deepEqual(listed.body, { deletions: [done, job] });
    assert.deepEqual(listed.request, { userId: ME });
    const params = { deletionId: 'deletion-2' };
    const one = await callRoute('GET /v1/workspace-deletions/:deletionId', { secret, params });
    assert.deepEqual(one.body, done);
    assert.deepEqual(one.request, { userId: ME, id: 'deletion-2' });
  });
});

describe('members', () => {
  test('200: members and open invitations', async () => {
    const { status, body, request } = await callRoute(`GET ${ONE}/members`, { secret: CALLERS.viewer });
    assert.equal(status, 200);
    const ada = { userId: 'user-2', email: 'ada@example.com', joinedAt: MADE };
    const grace = { id: 'invitation-1', email: 'grace@example.com', createdAt: MADE, expiresAt: MADE };
    assert.deepEqual(body, {
      members: [
        { ...ada, role: 'admin' },
        { ...ada, role: 'member' },
      ],
      invitations: [{ ...grace, role: 'viewer' }],
    });
    assert.deepEqual(request, { workspaceId: HERE });
  });

  for (const [name, role] of Object.entries({
    owner: Role.OWNER,
    admin: Role.ADMIN,
    member: Role.MEMBER,
    viewer: Role.VIEWER,
  })) {
    test(`201, 200: invited as and made ${name}`, async () => {
      const body = { email: 'grace@example.com', role: name };
      const invited = await callRoute(`POST ${INVITATIONS}`, { body, secret: CALLERS.manager });
      assert.equal(invited.status, 201);
      const dates = { createdAt: MADE, expiresAt: MADE };
      assert.deepEqual(invited.body, { id: 'invitation-1', email: body.email, role: name, ...dates });
      const { actor, ...request } = invited.request;
      assert.deepEqual(request, { workspaceId: HERE, email: body.email, role });

      const changed = await callRoute(`PATCH ${MEMBER}`, { body: { role: name }, params: member });
      assert.equal(changed.status, 200);
      const ada = { userId: 'user-2', email: 'ada@example.com', joinedAt: MADE };
      assert.deepEqual(changed.body, { ...ada, role: name });
      assert.deepEqual(changed.request, { ...member, role, actor: OWNER });
    });
  }

  test('429: too many invitations, and when to come again', async () => {
    const body = { email: PESTERED, role: 'viewer' };
    const { status, body: problem, reply } = await callRoute(`POST ${INVITATIONS}`, { body });
    assert.equal(status, 429);
    assert.equal(Object(problem).code, 'rate_limited');
    const headers = reply.headers ?? [];
    assert.equal(headers[headers.indexOf('retry-after') + 1], '8640');
  });

  test('204: an invitation is taken back', async () => {
    const params = { workspaceId: HERE, invitationId: 'invitation-1' };
    const { status, reply, request } = await callRoute(`DELETE ${INVITATIONS}/:invitationId`, { params });
    assert.deepEqual([status, reply.body], [204, '']);
    assert.deepEqual(request, { ...params, actor: OWNER });
  });

  test('200: removing a member, with their keys where that is asked for', async () => {
    for (const [search, revokeKeys] of [
      ['', false],
      ['revokeKeys=false', false],
      ['revokeKeys=true', true],
    ] as const) {
      const { status, body, request } = await callRoute(`DELETE ${MEMBER}`, { params: member, search });
      assert.equal(status, 200);
      assert.deepEqual(body, { revokedKeys: 2 });
      assert.deepEqual(request, { ...member, revokeKeys, actor: OWNER });
    }
  });

  test('a viewer may leave, and remove nobody else; a key of theirs may not leave for them', async () => {
    const own = { workspaceId: HERE, userId: ME };
    const leave = await callRoute(`DELETE ${MEMBER}`, { params: own, secret: CALLERS.viewer });
    assert.equal(leave.status, 200);
    for (const [secret, params] of [
      [CALLERS.viewer, member],
      [CALLERS.key, own],
    ] as const) {
      const { status, body, method } = await callRoute(`DELETE ${MEMBER}`, { params, secret });
      assert.equal(status, 403);
      assert.match(JSON.stringify(body), /members:manage/);
      assert.equal(method, undefined);
    }
  });
});
