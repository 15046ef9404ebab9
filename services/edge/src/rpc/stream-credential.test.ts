import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  EventService,
  EventStatus,
  IngestStreamRequestSchema,
} from '@millrace/contracts/millrace/api/v1/event';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { limitsForTests } from '../../test/limits.ts';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import type { Grant, Verdict } from '../clients/credentials.ts';

const GOOD: Grant = {
  kind: 'granted',
  credentialId: 'key-1',
  workspaceId: 'workspace-1',
  userId: '',
  permissions: new Set(['events:write']),
  credentialKind: CredentialKind.SECRET_KEY,
  expiresAtMs: undefined,
  rateLimit: { requestsPerMinute: 1, burst: 1 },
};
const WRITER = { headers: { 'x-api-key': 'writer' } };

let answer: () => Verdict | Promise<Verdict>;
let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({ limits: limitsForTests(), credentials: { verify: () => answer() } });
});
beforeEach(() => {
  bench.events.length = 0;
});
after(() => bench.close());

/** A stream of two messages; `between` runs once the first is stored. */
async function* messages(between: () => void) {
  yield create(IngestStreamRequestSchema, { events: [{ id: 'before', type: 't' }, { type: '' }] });
  while (bench.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  between();
  yield create(IngestStreamRequestSchema, { events: [{ id: 'after', type: 't' }] });
  await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
}

const CHANGES: Readonly<Record<string, readonly [() => Verdict | Promise<Verdict>, Code]>> = {
  'revoked or deleted': [() => ({ kind: 'refused', refusal: Refusal.UNKNOWN }), Code.Unauthenticated],
  expired: [() => ({ kind: 'refused', refusal: Refusal.EXPIRED }), Code.Unauthenticated],
  'revoked, which auth must be asked about': [
    async () => ({ kind: 'refused', refusal: Refusal.REVOKED }),
    Code.Unauthenticated,
  ],
  demoted: [() => ({ ...GOOD, permissions: new Set(['events:read']) }), Code.PermissionDenied],
};

for (const [change, [later, code]] of Object.entries(CHANGES)) {
  for (const name of Object.keys(transportsTo('http://unused'))) {
    test(`${name}: a stream ends with ${Code[code]} when its key is ${change}`, async () => {
      // Each stream's caller has a limit of their own.
      const first = { ...GOOD, credentialId: `${name} ${change}` };
      answer = () => first;
      const client = createClient(EventService, transportsTo(bench.url)[name] ?? assert.fail());
      const call = client.ingestStream(
        messages(() => {
          answer = later;
        }),
        WRITER,
      );
      const error = ConnectError.from(await call.catch((thrown: unknown) => thrown));
      assert.equal(error.code, code, error.message);
      assert.match(error.rawMessage, /of 2 events before, 1 is stored/);
      assert.deepEqual(
        bench.events.map(({ eventId }) => eventId),
        ['before'],
      );
    });
  }
}

test('a stream goes on while auth is away, and what it may not store is UNAVAILABLE', async () => {
  answer = () => GOOD;
  async function* stream() {
    yield create(IngestStreamRequestSchema, { events: [{ id: 'a', type: 't' }] });
    while (bench.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    answer = () => Promise.reject(new MillraceError('unavailable', 'auth is away'));
    yield create(IngestStreamRequestSchema, { events: [{ id: 'b', type: 't' }] });
  }
  const client = createClient(EventService, transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail());
  const { results } = await client.ingestStream(stream(), WRITER);
  assert.deepEqual(
    results.map(({ id, status }) => [id, EventStatus[status]]),
    [
      ['a', 'ACCEPTED'],
      ['b', 'UNAVAILABLE'],
    ],
  );
});
