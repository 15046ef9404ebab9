import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@millrace/runtime';
import type { WriteOutcome } from '@millrace/stores';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialRecord } from '../store/credential-record.ts';
import { createLastUsed } from './last-used.ts';

const RECORD: CredentialRecord = {
  id: 'id',
  proof: '',
  workspaceId: 'w',
  userId: '',
  kind: 'environment',
  name: 'n',
  permissions: [],
  active: true,
  prefix: '',
  lastFour: '',
  createdAtMs: 0,
  expiresAtMs: null,
  lastUsedAtMs: null,
  rateLimit: null,
  environmentName: null,
};

function lastUsedOver(outcome: WriteOutcome) {
  const writes: { lastUsedAtMs: number | null; revision: number }[] = [];
  let stored = { value: RECORD, revision: 7 };
  const credentials = {
    staleSinceMs: undefined,
    get: () => stored,
    async update(_: string, value: CredentialRecord, revision: number) {
      writes.push({ lastUsedAtMs: value.lastUsedAtMs, revision });
      if (outcome.kind === 'written') stored = { value, revision: revision + 1 };
      return outcome;
    },
  };
  const lastUsed = createLastUsed({
    // Only what writing behind calls is there.
    credentials: credentials as unknown as AuthStore['credentials'],
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  return { lastUsed, writes };
}

test('a key that is used all the time is written once a minute', async () => {
  const { lastUsed, writes } = lastUsedOver({ kind: 'written', revision: 8 });
  for (let nowMs = 1_000_000; nowMs < 1_180_000; nowMs += 1_000) {
    lastUsed.mark('k', nowMs);
    await lastUsed.flush();
  }
  assert.deepEqual(
    writes.map(({ lastUsedAtMs }) => lastUsedAtMs),
    [1_000_000, 1_060_000, 1_120_000],
  );
  await lastUsed.close();
});

test('the write names the revision it was read at, and a conflict is not tried again', async () => {
  const { lastUsed, writes } = lastUsedOver({ kind: 'conflict' });
  lastUsed.mark('k', 1_000_000);
  await lastUsed.close();
  assert.deepEqual(writes, [{ lastUsedAtMs: 1_000_000, revision: 7 }]);
});
