import { type Clock, type Logger, uuidv7 } from '@millrace/runtime';
import type { AuthConfig } from '../config.ts';
import type { SecretHash, SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import { type CredentialRecord, recognisableParts, type StoredKind } from '../store/credential-record.ts';

/** A credential that the operator has set. */
export interface EnvironmentCredential {
  readonly secret: string;
  /** The setting it comes from; several when they have the same value. */
  readonly environmentName: string;
  readonly kind: StoredKind;
  readonly permissions: readonly string[];
}

const WRITE = ['events:write'] as const;

/** The credentials that the environment asks for, one for each distinct secret. */
export function environmentCredentials(config: AuthConfig): EnvironmentCredential[] {
  const found: EnvironmentCredential[] = [];
  const add = (
    environmentName: string,
    secret: string | undefined,
    kind: StoredKind,
    permissions: readonly string[],
  ): void => {
    if (secret !== undefined) found.push({ secret, environmentName, kind, permissions });
  };
  add('BOOTSTRAP_API_KEY', config.BOOTSTRAP_API_KEY, 'analytics_key', ['*']);
  add('BOOTSTRAP_EXTERNAL_EVENT_TOKEN', config.BOOTSTRAP_EXTERNAL_EVENT_TOKEN, 'external_event_token', WRITE);
  add('EMAIL_API_KEY', config.EMAIL_API_KEY, 'environment', WRITE);
  add('COMPOZY_API_TOKEN', config.COMPOZY_API_TOKEN, 'environment', WRITE);
  if (config.COMPOZY_API_TOKEN === undefined && config.MILLRACE_ENV === 'development') {
    // The workflow API's documentation uses both; the names say nothing of the values, because names are stored.
    add('DEVELOPMENT_TOKEN_1', 'dev-token', 'environment', WRITE);
    add('DEVELOPMENT_TOKEN_2', 'test-token', 'environment', WRITE);
  }
  return mergeSameSecrets(found);
}

function mergeSameSecrets(found: readonly EnvironmentCredential[]): EnvironmentCredential[] {
  const bySecret = new Map<string, EnvironmentCredential>();
  for (const credential of found) {
    const same = bySecret.get(credential.secret);
    if (same === undefined) {
      bySecret.set(credential.secret, credential);
      continue;
    }
    bySecret.set(credential.secret, {
      ...same,
      environmentName: `${same.environmentName}, ${credential.environmentName}`,
      permissions: [...new Set([...same.permissions, ...credential.permissions])],
    });
  }
  return [...bySecret.values()];
}

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
