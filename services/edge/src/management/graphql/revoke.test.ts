import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CredentialKind, type UpdateCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { WORKSPACE_ID } from '../../../test/dialect-harness.ts';
import { benchGraphql, SESSIONS, STORED_TOKEN } from '../../../test/graphql-harness.ts';

const REVOKE = 'mutation Revoke($id: ID!) { revokeExternalEventToken(id: $id) }';

describe('revokeExternalEventToken', () => {
  function revoking(changes: { userId?: string; kind?: CredentialKind } = {}) {
    const updated: UpdateCredentialRequest[] = [];
    const bench = benchGraphql({
      credentials: {
        getCredential: async ({ workspaceId, id }) => {
          if (workspaceId !== WORKSPACE_ID || id !== STORED_TOKEN.id) {
            throw new MillraceError('not_found', 'no such credential');
          }
          return { credential: { ...STORED_TOKEN, ...changes } };
        },
        updateCredential: async (request) => {
          updated.push(request);
          return { credential: { ...STORED_TOKEN, active: false } };
        },
      },
    });
    return { updated, bench };
  }

  for (const [who, as] of [
    ['its owner', 'member'],
    ['whoever manages keys', 'admin'],
  ] as const) {
    test(`200: ${who} deactivates a token`, async () => {
      const { updated, bench } = revoking();
      const { body } = await bench.ask(REVOKE, { as, variables: { id: STORED_TOKEN.id } });
      assert.deepEqual(body, { data: { revokeExternalEventToken: true } });
      assert.equal(updated.length, 1);
      assert.equal(updated[0]?.id, STORED_TOKEN.id);
      assert.equal(updated[0]?.workspaceId, WORKSPACE_ID);
      assert.equal(updated[0]?.active, false);
      assert.equal(updated[0]?.actor?.userId, SESSIONS[as].userId);
    });
  }

  const missing: [what: string, id: string, changes: Parameters<typeof revoking>[0]][] = [
    ['an unknown id', '01890000-0000-7000-8000-000000000002', {}],
    ['what is no id', 'x', {}],
    ['an empty id', '', {}],
    ["another member's token", STORED_TOKEN.id, { userId: 'user-other' }],
    ['a credential of another kind', STORED_TOKEN.id, { kind: CredentialKind.ANALYTICS_KEY }],
  ];
  for (const [what, id, changes] of missing) {
    test(`NOT_FOUND: ${what}`, async () => {
      const { updated, bench } = revoking(changes);
      const { status, body } = await bench.ask(REVOKE, { variables: { id } });
      assert.equal(status, 200);
      assert.equal(body.data, null);
      assert.equal(body.errors[0].extensions.code, 'NOT_FOUND');
      assert.equal(updated.length, 0);
    });
  }
});
