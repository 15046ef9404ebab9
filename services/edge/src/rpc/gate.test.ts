import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { limitsForTests } from '../../test/limits.ts';
import { startRpcBench, transportsTo } from '../../test/rpc-harness.ts';

const REQUEST = { events: [{ type: 'test.event' }] };
const WRITER = { headers: { 'x-api-key': 'writer' } };

test('a limited caller is told so with every answer, and refused over the limit, in every protocol', async () => {
  let credentialId = '';
  const bench = await startRpcBench({
    limits: limitsForTests(),
    credentials: {
      verify: (secret) => ({
        kind: 'granted',
        credentialId,
        workspaceId: 'w',
        userId: '',
        permissions: new Set(secret === 'writer' ? ['events:write'] : []),
        credentialKind: CredentialKind.SECRET_KEY,
        expiresAtMs: undefined,
        rateLimit: { requestsPerMinute: 2, burst: 2 },
      }),
    },
  });
  try {
    for (const [name, transport] of Object.entries(transportsTo(bench.url))) {
      // A caller of their own for each protocol.
      credentialId = name;
      const client = createClient(EventService, transport);
      let header = new Headers();
      await client.ingest(REQUEST, { ...WRITER, onHeader: (received) => (header = received) });
      assert.deepEqual(limitOf(header), ['"default";q=2;w=60', '"default";r=1;t=30', null], name);

      const forbidden = await failureOf(client.ingest(REQUEST, { headers: { 'x-api-key': 'reader' } }));
      assert.equal(forbidden.code, Code.PermissionDenied, name);
      assert.deepEqual(limitOf(forbidden.metadata), ['"default";q=2;w=60', '"default";r=0;t=30', null], name);

      const refused = await failureOf(client.ingest(REQUEST, WRITER));
      assert.equal(refused.code, Code.ResourceExhausted, name);
      assert.deepEqual(limitOf(refused.metadata), ['"default";q=2;w=60', '"default";r=0;t=30', '30'], name);
    }
  } finally {
    await bench.close();
  }
});

test('a caller without a limit is told of none', async () => {
  const bench = await startRpcBench();
  try {
    for (const [name, transport] of Object.entries(transportsTo(bench.url))) {
      let header = new Headers();
      await createClient(EventService, transport).ingest(REQUEST, {
        ...WRITER,
        onHeader: (received) => (header = received),
      });
      assert.deepEqual(limitOf(header), [null, null, null], name);
    }
  } finally {
    await bench.close();
  }
});

function limitOf(headers: Headers): (string | null)[] {
  return ['ratelimit-policy', 'ratelimit', 'retry-after'].map((name) => headers.get(name));
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
  return assert.fail('the call went through');
}
