import { type CreateCredentialRequest, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, fieldError, MillraceError, uuidv7 } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { recordingRefusals, requiredActor } from '../actor.ts';
import type { SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import { type CredentialRecord, recognisableParts, type StoredKind } from '../store/credential-record.ts';
import { checkedRateLimit } from '../store/workspace-record.ts';
import {
  checkedExpiry,
  checkedName,
  checkedPermissions,
  credentialEntry,
  judgeGiving,
  requireRoomForCredential,
} from './credential-rules.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The kinds that are issued, and how long one lives of which nothing else is said; null for ever. */
const ISSUED = new Map<CredentialKind, { stored: IssuedKind; lifetimeMs: number | null }>([
  [CredentialKind.ANALYTICS_KEY, { stored: 'analytics_key', lifetimeMs: null }],
  [CredentialKind.SECRET_KEY, { stored: 'secret_key', lifetimeMs: null }],
  [CredentialKind.EXTERNAL_EVENT_TOKEN, { stored: 'external_event_token', lifetimeMs: 365 * DAY_MS }],
]);

/** Issues a credential; the secret is in this answer only. */
export async function createCredential(
  dependencies: {
    store: AuthStore;
    ids: CredentialIds;
    issue: IssueCredential;
    audit: AuditLog;
    clock: Clock;
  },
  request: CreateCredentialRequest,
): Promise<{ record: CredentialRecord; secret: string }> {
  const { store, ids, audit } = dependencies;
  const { workspaceId, userId } = request;
  const actor = requiredActor(request.actor);
  const kind = ISSUED.get(request.kind);
  if (kind === undefined) throw fieldError('kind', 'this kind is not issued');
  const nowMs = dependencies.clock.now();
  const name = checkedName(request.name);
  const permissions = checkedPermissions(request.permissions);
  const rateLimit = request.rateLimit ? checkedRateLimit(request.rateLimit) : null;
  const expiresAtMs = request.expiresAt
    ? checkedExpiry(request.expiresAt, nowMs)
    : kind.lifetimeMs && nowMs + kind.lifetimeMs;
  const { workspace, requireGivable } = await judgeGiving({ store, ids, workspaceId, actor });
  // Such a token is its user's and ends with their membership, so for anybody else it would never work.
  const needsMember = kind.stored === 'external_event_token' && userId !== '';
  if (needsMember && !workspace.members.some((member) => member.userId === userId)) {
    throw fieldError('user_id', 'is not a member of the workspace');
  }
  const attempted = {
    workspaceId,
    action: 'credential.created',
    actor,
    target: { type: 'credential', id: '' },
    details: { name, kind: kind.stored, permissions },
  };
  await recordingRefusals(audit, attempted, () => requireGivable(permissions));
  requireRoomForCredential(ids, workspaceId, nowMs);
  const wanted = { workspaceId, userId, kind: kind.stored, name, permissions, expiresAtMs, rateLimit };
  const { record, secret } = await dependencies.issue(wanted, nowMs);
  const details = { userId, expiresAtMs, rateLimit };
  await audit.record({
    ...credentialEntry('credential.created', { record, actor, details }),
    outcome: 'succeeded',
  });
  return { record, secret };
}

const SECRET_BYTES = 32;

/** A kind that is issued on request. */
type IssuedKind = Exclude<StoredKind, 'environment'>;

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
