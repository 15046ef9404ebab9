import { type Clock, type Logger, uuidv7 } from '@millrace/runtime';
import type { SecretHash, SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import { type CredentialRecord, recognisableParts } from '../store/credential-record.ts';
import type { EnvironmentCredential } from './environment-credentials.ts';

/**
 * Makes the stored credentials of the environment what the environment says: missing ones are made, changed ones
 * changed, and those that are no longer set deactivated. Starting again, or several replicas at once, changes nothing.
 */
export async function reconcileCredentials(options: {
  credentials: AuthStore['credentials'];
  wanted: readonly EnvironmentCredential[];
  workspaceId: string;
  hasher: SecretHasher;
  clock: Clock;
  log: Logger;
}): Promise<void> {
  const { credentials, log } = options;
  const wantedKeys = new Set<string>();
  for (const wanted of options.wanted) {
    const hash = options.hasher.hash(wanted.secret);
    wantedKeys.add(hash.recordKey);
    await ensureCredential({ ...options, wanted, hash });
  }
  for (const [recordKey, { value }] of credentials.entries()) {
    if (value.environmentName === null || !value.active || wantedKeys.has(recordKey)) continue;
    await changeRecord(credentials, recordKey, (record) => ({ ...record, active: false }));
    log.info(
      { credentialId: value.id, setting: value.environmentName },
      'a credential is no longer in the environment and was deactivated',
    );
  }
  if (![...credentials.entries()].some(([, { value }]) => value.active)) {
    log.warn(
      'no credential source: none is set in the environment and none is stored, so every request will be refused',
    );
  }
}

async function ensureCredential(options: {
  credentials: AuthStore['credentials'];
  wanted: EnvironmentCredential;
  hash: SecretHash;
  workspaceId: string;
  clock: Clock;
  log: Logger;
}): Promise<void> {
  const { credentials, wanted, hash, workspaceId, log } = options;
  const record = newRecord(options);
  if ((await credentials.create(hash.recordKey, record)).kind === 'written') {
    log.info(
      { credentialId: record.id, setting: wanted.environmentName },
      'a credential of the environment was stored',
    );
    return;
  }
  await changeRecord(credentials, hash.recordKey, (stored) => {
    if (stored.environmentName === null) {
      log.warn(
        { credentialId: stored.id, setting: wanted.environmentName },
        'a setting holds a key that was issued to somebody; the key keeps its own permissions',
      );
      return undefined;
    }
    return saysTheSame(stored, wanted, workspaceId)
      ? undefined
      : {
          ...stored,
          workspaceId,
          kind: wanted.kind,
          name: wanted.environmentName,
          environmentName: wanted.environmentName,
          permissions: wanted.permissions,
          active: true,
        };
  });
}

function newRecord(options: {
  wanted: EnvironmentCredential;
  hash: SecretHash;
  workspaceId: string;
  clock: Clock;
}): CredentialRecord {
  const { wanted, hash, workspaceId, clock } = options;
  return {
    id: uuidv7(clock.now()),
    proof: hash.proof,
    workspaceId,
    userId: '',
    kind: wanted.kind,
    name: wanted.environmentName,
    permissions: wanted.permissions,
    active: true,
    ...recognisableParts(wanted.secret),
    createdAtMs: clock.now(),
    expiresAtMs: null,
    rateLimit: null,
    lastUsedAtMs: null,
    environmentName: wanted.environmentName,
  };
}

function saysTheSame(stored: CredentialRecord, wanted: EnvironmentCredential, workspaceId: string): boolean {
  return (
    stored.active &&
    stored.workspaceId === workspaceId &&
    stored.kind === wanted.kind &&
    stored.environmentName === wanted.environmentName &&
    stored.permissions.join('\n') === wanted.permissions.join('\n')
  );
}
