import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  ListAuditEntriesRequestSchema,
  ListAuditEntriesResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type ErrorCode, fieldError, MillraceError } from '@millrace/runtime';
import { benchDialect } from '../../../test/dialect-harness.ts';
import { CALLERS, callers, HERE } from '../../../test/workspace-callers.ts';
import type { AuditEntries } from '../../clients/analytics.ts';
import { auditApi } from './routes.ts';

const ENTRY = {
  id: 'entry-1',
  workspaceId: HERE,
  atMs: BigInt(Date.UTC(2024, 0, 30, 12, 34, 56, 789)),
  action: 'member.invited',
  outcome: 'succeeded',
  actorUserId: 'user-me',
  actorCredentialId: 'session-1',
  targetType: 'invitation',
  targetId: 'invitation-1',
  detailsJson: '{"role":"viewer"}',
  ipAddress: '192.0.2.1',
  requestId: 'request-1',
};

type Asked = Parameters<AuditEntries['listAuditEntries']>[0];

async function read(
  search = '',
  options: {
    secret?: string;
    headers?: Record<string, string>;
    answer?: AuditEntries['listAuditEntries'];
  } = {},
) {
  const { secret = CALLERS.owner, headers = { authorization: `Bearer ${secret}` } } = options;
  const asked: Asked[] = [];
  const bench = benchDialect(auditApi, {
    credentials: callers,
    audit: {
      async listAuditEntries(request) {
        asked.push(request);
        return options.answer?.(request) ?? create(ListAuditEntriesResponseSchema);
      },
    },
  });
  const answer = await bench.send('GET', '/v1/audit', { headers, search });
  return { ...answer, asked };
}

test('200: a page, and where the next one begins', async () => {
  const sparse = { id: 'entry-0', workspaceId: HERE, action: 'session.refused', outcome: 'refused' };
  const page = create(ListAuditEntriesResponseSchema, { entries: [ENTRY, sparse], nextPageToken: 'next' });
  const { status, body } = await read('', { answer: async () => page });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    entries: [
      {
        id: 'entry-1',
        at: '2024-01-30T12:34:56.789Z',
        action: 'member.invited',
        outcome: 'succeeded',
        actor: { userId: 'user-me', credentialId: 'session-1' },
        target: { type: 'invitation', id: 'invitation-1' },
        details: { role: 'viewer' },
        ipAddress: '192.0.2.1',
        requestId: 'request-1',
      },
      {
        id: 'entry-0',
        at: '1970-01-01T00:00:00.000Z',
        action: 'session.refused',
        outcome: 'refused',
        actor: { userId: null, credentialId: null },
        target: { type: null, id: null },
        details: {},
        ipAddress: null,
        requestId: null,
      },
    ],
    nextCursor: 'next',
  });
  assert.deepEqual((await read()).body, { entries: [], nextCursor: null });
});

test('the log is that of the credential’s workspace, whatever the query says', async () => {
  const { asked } = await read('workspaceId=workspace-2&workspace_id=workspace-2');
  assert.deepEqual(
    asked.map((request) => request.workspaceId),
    [HERE],
  );
});

test('every parameter is passed on', async () => {
  const { asked } = await read(
    'limit=500&cursor=c&action=member.invited&actor=u&target=t&from=2024-01-30T12:00:00Z&to=2024-01-30T14:00:00%2B01:00',
  );
  const { $typeName, from, to, ...request } = create(ListAuditEntriesRequestSchema, asked[0]);
  const filters = { action: 'member.invited', actorUserId: 'u', targetId: 't' };
  assert.deepEqual(request, { workspaceId: HERE, pageSize: 500, pageToken: 'c', ...filters });
  assert.equal(from && timestampMs(from), Date.UTC(2024, 0, 30, 12));
  assert.equal(to && timestampMs(to), Date.UTC(2024, 0, 30, 13));
});

test('without parameters: the newest hundred', async () => {
  const { asked } = await read();
  const { $typeName, ...request } = create(ListAuditEntriesRequestSchema, asked[0]);
  const none = { pageToken: '', action: '', actorUserId: '', targetId: '' };
  assert.deepEqual(request, { workspaceId: HERE, pageSize: 100, ...none });
});

describe('refusals', () => {
  test('401 without a good credential, 403 without audit:read, which an owner has and keys can have', async () => {
    assert.equal((await read('', { headers: {} })).status, 401);
    assert.equal((await read('', { secret: 'nobody' })).status, 401);
    assert.equal((await read('', { headers: { 'x-api-key': CALLERS.manager } })).status, 200);
    for (const secret of [CALLERS.viewer, CALLERS.key]) {
      const { status, body, asked } = await read('', { secret });
      assert.equal(status, 403);
      assert.match(JSON.stringify(body), /audit:read/);
      assert.deepEqual(asked, []);
    }
  });

  const bad: Record<string, readonly string[]> = {
    limit: ['0', '501', '-1', '1.5', 'ten', '', '1e2', '0x10', ' 5'],
    cursor: ['', 'x'.repeat(1_025)],
    action: ['', 'x'.repeat(256)],
    actor: ['', 'x'.repeat(256)],
    target: ['', 'x'.repeat(256)],
    from: ['', 'yesterday', '2024-01-30', '2024-01-30T12:00:00', '2024-02-30T12:00:00Z', '1706618096'],
    to: ['now', '2024-01-30T25:00:00Z'],
  };
  for (const [parameter, values] of Object.entries(bad)) {
    for (const value of values) {
      test(`400 names ${parameter}: ${value.slice(0, 20)}`, async () => {
        const { status, body, asked } = await read(new URLSearchParams({ [parameter]: value }).toString());
        assert.equal(status, 400);
        assert.equal(Reflect.get(Object(body), 'errors')[0].field, parameter);
        assert.deepEqual(asked, []);
      });
    }
  }

  const refused: readonly (readonly [said: [field: string, issue: string], parameter: string])[] = [
    [['page_token', 'must be the one that the last answer had'], 'cursor'],
    [['page_size', 'at most 500'], 'limit'],
    [['actor_user_id', 'at most 256 characters'], 'actor'],
    [['target_id', 'at most 256 characters'], 'target'],
    [['action', 'at most 256 characters'], 'action'],
  ];
  for (const [said, parameter] of refused) {
    test(`400 names ${parameter} where the service says ${said.join(': ')}`, async () => {
      const answer = () => Promise.reject(fieldError(...said));
      const { status, body } = await read('', { answer });
      assert.equal(status, 400);
      assert.equal(Reflect.get(Object(body), 'errors')[0].field, parameter);
    });
  }

  const failures: readonly (readonly [ErrorCode, number])[] = [
    ['unavailable', 503],
    ['deadline_exceeded', 503],
    ['internal', 500],
  ];
  for (const [code, expected] of failures) {
    test(`${expected}: the store answers ${code}, of which nothing is told`, async () => {
      const answer = () => Promise.reject(new MillraceError(code, 'clickhouse at 10.0.0.1'));
      const { status, body, reply } = await read('', { answer });
      assert.equal(status, expected);
      assert.doesNotMatch(JSON.stringify(body), /clickhouse|10\.0/);
      assert.equal(reply.headers?.includes('retry-after'), expected === 503);
    });
  }
});
