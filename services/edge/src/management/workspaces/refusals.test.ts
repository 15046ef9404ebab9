import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, fieldError, MillraceError } from '@millrace/runtime';
import { callRoute } from '../../../test/workspace-call.ts';
import { CALLERS, HERE, recordedAuth } from '../../../test/workspace-callers.ts';
import { deletionRoutes } from './deletion-routes.ts';
import { memberRoutes, workspaceRoutes } from './routes.ts';

const ONE = '/v1/workspaces/:workspaceId';
const MEMBER = `${ONE}/members/:userId`;
const INVITATIONS = `${ONE}/invitations`;

const ROUTES: Readonly<
  Record<string, { body?: unknown; person?: true; owner?: true; may: readonly string[] }>
> = {
  'GET /v1/workspaces': { may: ['viewer', 'manager', 'key'] },
  'POST /v1/workspaces': { body: { name: 'Acme' }, person: true, may: ['viewer'] },
  [`GET ${ONE}`]: { may: ['viewer', 'manager', 'key'] },
  [`PATCH ${ONE}`]: { body: {}, may: ['manager'] },
  [`POST ${ONE}/session`]: { person: true, may: ['viewer'] },
  [`GET ${ONE}/members`]: { may: ['viewer', 'manager'] },
  [`POST ${INVITATIONS}`]: { body: { email: 'g@example.com', role: 'viewer' }, may: ['manager'] },
  [`DELETE ${INVITATIONS}/:invitationId`]: { may: ['manager'] },
  [`PATCH ${MEMBER}`]: { body: { role: 'viewer' }, may: ['manager'] },
  [`DELETE ${MEMBER}`]: { may: ['manager'] },
  [`DELETE ${ONE}`]: { body: { name: 'Acme' }, person: true, owner: true, may: [] },
  'GET /v1/workspace-deletions': { person: true, may: ['viewer'] },
  'GET /v1/workspace-deletions/:deletionId': { person: true, may: ['viewer'] },
};

describe('refusals', () => {
  const params = {
    workspaceId: HERE,
    userId: 'user-2',
    invitationId: 'invitation-1',
    deletionId: 'deletion-2',
  };

  test('the table has every route', () => {
    assert.deepEqual(
      [...workspaceRoutes, ...memberRoutes, ...deletionRoutes].map(({ method, path }) => `${method} ${path}`),
      Object.keys(ROUTES),
    );
  });

  for (const [route, { body, person, owner, may }] of Object.entries(ROUTES)) {
    test(`${route}: 401 and 403 before anything is asked, and the same in both headers`, async () => {
      assert.equal((await callRoute(route, { body, params, headers: {} })).status, 401);
      assert.equal((await callRoute(route, { body, params, secret: 'nobody' })).status, 401);
      for (const name of ['viewer', 'manager', 'key'] as const) {
        const isPerson = name === 'viewer' && owner;
        const expected = may.includes(name) ? /^20\d$/ : person && !isPerson ? /^401$/ : /^403$/;
        for (const headers of [
          { authorization: `bearer ${CALLERS[name]}` },
          { 'x-api-key': CALLERS[name] },
        ]) {
          const { status, method } = await callRoute(route, { body, params, headers });
          assert.match(String(status), expected, name);
          assert.equal(method === undefined, status >= 400);
        }
      }
    });

    if (route.includes(ONE) && !route.endsWith('/session')) {
      test(`${route}: 404 for every workspace but the credential's, without asking whether there is one`, async () => {
        for (const workspaceId of ['workspace-2', 'no-such-workspace', HERE.toUpperCase(), `${HERE} `]) {
          const elsewhere = { ...params, workspaceId };
          const { status, body: problem, method } = await callRoute(route, { body, params: elsewhere });
          assert.equal(status, 404);
          assert.equal(method, undefined);
          assert.match(JSON.stringify(problem), /no such workspace, or your session acts in another one/);
        }
      });
    }
  }

  const bad: [route: string, body: unknown, field: string][] = [
    ['POST /v1/workspaces', {}, 'name'],
    ['POST /v1/workspaces', { name: '' }, 'name'],
    ['POST /v1/workspaces', { name: 'x'.repeat(129) }, 'name'],
    ['POST /v1/workspaces', { name: 1 }, 'name'],
    ['POST /v1/workspaces', { name: 'Acme', id: 'mine' }, 'id'],
    ['POST /v1/workspaces', [], ''],
    [`PATCH ${ONE}`, { name: null }, 'name'],
    [`PATCH ${ONE}`, { owner: 'x' }, 'owner'],
    [`PATCH ${ONE}`, { rateLimit: 5 }, 'rateLimit'],
    [`PATCH ${ONE}`, { rateLimit: {} }, 'rateLimit.requestsPerMinute'],
    [`PATCH ${ONE}`, { rateLimit: { requestsPerMinute: -1 } }, 'rateLimit.requestsPerMinute'],
    [`PATCH ${ONE}`, { rateLimit: { requestsPerMinute: 2 ** 32 } }, 'rateLimit.requestsPerMinute'],
    [`PATCH ${ONE}`, { rateLimit: { requestsPerMinute: 1, burst: 0.5 } }, 'rateLimit.burst'],
    [`PATCH ${ONE}`, { rateLimit: { requestsPerMinute: 1, per: 'hour' } }, 'rateLimit.per'],
    [`POST ${INVITATIONS}`, { role: 'viewer' }, 'email'],
    [`POST ${INVITATIONS}`, { email: 'a'.repeat(255), role: 'viewer' }, 'email'],
    [`POST ${INVITATIONS}`, { email: 'a@example.com' }, 'role'],
    [`POST ${INVITATIONS}`, { email: 'a@example.com', role: 'OWNER' }, 'role'],
    [`PATCH ${MEMBER}`, { role: 'root' }, 'role'],
    [`DELETE ${ONE}`, {}, 'name'],
    [`DELETE ${ONE}`, { name: '' }, 'name'],
    [`DELETE ${ONE}`, { name: 'Acme', force: true }, 'force'],
    [`PATCH ${MEMBER}`, { role: 'viewer', email: 'a@example.com' }, 'email'],
  ];
  for (const [route, body, field] of bad) {
    test(`${route}: 400 names ${field || 'the body'} of ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const { status, body: problem, method } = await callRoute(route, { body, params });
      assert.equal(status, 400);
      assert.equal(Reflect.get(Object(problem), 'errors')[0].field, field);
      assert.equal(method, undefined);
    });
  }

  test('400: a query that is neither true nor false', async () => {
    for (const search of ['revokeKeys=yes', 'revokeKeys=']) {
      const { status, body, method } = await callRoute(`DELETE ${MEMBER}`, { params, search });
      assert.equal(status, 400);
      assert.match(JSON.stringify(body), /"field":"revokeKeys"/);
      assert.equal(method, undefined);
    }
  });

  test('413, 415: a body that is too large or no JSON', async () => {
    const large = { name: 'x'.repeat(1024 * 1024) };
    assert.equal((await callRoute('POST /v1/workspaces', { body: large })).status, 413);
    const headers = { authorization: `Bearer ${CALLERS.owner}`, 'content-type': 'text/xml' };
    assert.equal((await callRoute('POST /v1/workspaces', { body: '<a/>', headers })).status, 415);
  });

  const failures: [code: ErrorCode, message: string, status: number, says: RegExp][] = [
    ['invalid_argument', 'these do not go together', 400, /these do not go together/],
    ['permission_denied', 'the role owner is above that of the caller', 403, /above that of the caller/],
    ['not_found', 'no such member', 404, /no such member/],
    ['already_exists', 'is a member already', 409, /is a member already/],
    ['failed_precondition', 'a workspace keeps an owner', 409, /keeps an owner/],
    ['unavailable', 'nats away at 10.0.0.1', 503, /try again/],
    ['deadline_exceeded', 'no answer in time', 503, /try again/],
    ['internal', 'a secret detail', 500, /Internal server error/],
  ];
  test('400: each field that auth names is named as the client knows it', async () => {
    const recorded = recordedAuth();
    const details = [
      { field: 'name', issue: 'must not be empty' },
      { field: 'rate_limit', issue: 'note: a colon is no field' },
    ];
    recorded.failure = new MillraceError('invalid_argument', 'two things are wrong', { details });
    const answer = await callRoute(`PATCH ${MEMBER}`, { body: { role: 'viewer' }, params }, recorded);
    assert.equal(answer.status, 400);
    const { errors } = answer.body as { errors: unknown };
    assert.deepEqual(errors, [
      { field: 'name', code: 'custom', detail: 'must not be empty' },
      { field: 'rateLimit', code: 'custom', detail: 'note: a colon is no field' },
    ]);
  });

  test('400: what looks like a field in a message is none', async () => {
    const recorded = recordedAuth();
    recorded.failure = new MillraceError('invalid_argument', 'note: nothing to do with a field');
    const answer = await callRoute(`PATCH ${MEMBER}`, { body: { role: 'viewer' }, params }, recorded);
    assert.match(JSON.stringify(answer.body), /note: nothing to do with a field/);
    assert.doesNotMatch(JSON.stringify(answer.body), /"field":"note"/);
  });

  test('409: a field whose value is taken', async () => {
    const recorded = recordedAuth();
    recorded.failure = fieldError('email', 'is a member already', 'already_exists');
    const answer = await callRoute(`PATCH ${MEMBER}`, { body: { role: 'viewer' }, params }, recorded);
    assert.equal(answer.status, 409);
    assert.match(JSON.stringify(answer.body), /email: is a member already/);
  });

  for (const [code, message, status, says] of failures) {
    test(`${status}: auth answers ${code}, ${message}`, async () => {
      const recorded = recordedAuth();
      recorded.failure = new MillraceError(code, message);
      const answer = await callRoute(`PATCH ${MEMBER}`, { body: { role: 'viewer' }, params }, recorded);
      assert.equal(answer.status, status);
      assert.match(JSON.stringify(answer.body), says);
      assert.doesNotMatch(JSON.stringify(answer.body), /10\.0\.0\.1|a secret detail/);
    });
  }
});
