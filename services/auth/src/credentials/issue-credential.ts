import { MillraceError, uuidv7 } from '@millrace/runtime';
import type { SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { type CredentialRecord, recognisableParts, type StoredKind } from '../store/credential-record.ts';

const SECRET_BYTES = 32;

/** A kind that is issued on request. */
export type IssuedKind = Exclude<StoredKind, 'environment'>;

/** What a new credential shall be. */
export type NewCredential = Pick<
  CredentialRecord,
  'workspaceId' | 'userId' | 'name' | 'permissions' | 'expiresAtMs' | 'rateLimit'
> & { readonly kind: IssuedKind };

/** Stores a credential under a new secret, which is in the answer only. */
export type IssueCredential = (
  wanted: NewCredential,
  nowMs: number,
) => Promise<{ record: CredentialRecord; recordKey: string; secret: string }>;

const WRITE: Readonly<Record<IssuedKind, (random: Buffer) => string>> = {
  analytics_key: (random) => `evp_${random.toString('base64url')}`,
  secret_key: (random) => `sk_${random.toString('base64url')}`,
  external_event_token: (random) => random.toString('hex'),
};

/** Makes the one place where secrets come from. */
export function createIssueCredential(options: {
  credentials: AuthStore['credentials'];
  hasher: SecretHasher;
  randomBytes: (count: number) => Buffer;
}): IssueCredential {
  const { credentials, hasher, randomBytes } = options;
  return async (wanted, nowMs) => {
    const secret = WRITE[wanted.kind](randomBytes(SECRET_BYTES));
    const { recordKey, proof } = hasher.hash(secret);
    const record: CredentialRecord = {
      ...wanted,
      id: uuidv7(nowMs),
      proof,
      active: true,
      ...recognisableParts(secret),
      createdAtMs: nowMs,
      lastUsedAtMs: null,
      environmentName: null,
    };
    const outcome = await credentials.create(recordKey, record);
    if (outcome.kind === 'conflict') throw new MillraceError('internal', 'a new secret was not unique');
    return { record, recordKey, secret };
  };
}
