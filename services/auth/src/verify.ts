import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type CredentialKind,
  Refusal,
  type VerifyResponseSchema,
} from '@millrace/contracts/millrace/auth/v1/auth';
import type { Clock } from '@millrace/runtime';
import type { LastUsed } from './credentials/last-used.ts';
import type { AuthMetrics } from './metrics.ts';
import { type SecretHasher, sameProof } from './secrets/secret-hash.ts';
import { looksLikeSession } from './sessions/issue-session.ts';
import type { AuthStore } from './store/auth-store.ts';
import { requireFresh } from './store/auth-store.ts';
import { type CredentialRecord, kindOf } from './store/credential-record.ts';
import type { Memberships } from './store/memberships.ts';
import { permissionsWithin } from './store/role.ts';
import type { RateLimit } from './store/workspace-record.ts';

/** Longer than this no credential can be, in UTF-16 units: a session, with the longest of settings, is shorter. */
const MAX_SECRET_LENGTH = 1_024;

/**
 * Makes the look-up of a presented secret: no I/O, and no waiting but for sessions.
 * Throws `unavailable` once the index may have missed a revocation for longer than 5 s.
 */
export function createVerify(options: {
  store: AuthStore;
  memberships: Memberships;
  hasher: SecretHasher;
  lastUsed: LastUsed;
  verifySession: (token: string) => Promise<Verdict>;
  clock: Clock;
  metrics: AuthMetrics;
}): (secret: string) => Verdict | Promise<Verdict> {
  const { store, memberships, hasher, lastUsed, verifySession, clock, metrics } = options;
  const { credentials, workspaces } = store;
  const refuse = (refusal: Refusal, outcome: string): Verdict => {
    metrics.verifications.add([outcome]);
    return { kind: 'refused', refusal };
  };
  const judge = (secret: string): Verdict | Promise<Verdict> => {
    if (secret === '' || secret.length > MAX_SECRET_LENGTH) return refuse(Refusal.UNKNOWN, 'unknown');
    const hash = hasher.hash(secret);
    const record = credentials.get(hash.recordKey)?.value;
    if (record === undefined || !sameProof(hash.proof, record.proof)) {
      // After the stored ones: an operator may have set a token of this form in the environment.
      return looksLikeSession(secret) ? verifySession(secret) : refuse(Refusal.UNKNOWN, 'unknown');
    }
    if (!record.active) return refuse(Refusal.REVOKED, 'revoked');
    const nowMs = clock.now();
    if (record.expiresAtMs !== null && record.expiresAtMs <= nowMs) return refuse(Refusal.EXPIRED, 'expired');
    // The buckets are watched apart: of a new workspace the first credential may be known here before it is.
    const workspace = workspaces.get(record.workspaceId)?.value;
    if (workspace === undefined) return refuse(Refusal.UNKNOWN, 'unknown');
    if (workspace.deletion !== null) return refuse(Refusal.REVOKED, 'revoked');
    const permissions = permissionsNow(record, memberships);
    if (permissions === undefined) return refuse(Refusal.REVOKED, 'revoked');
    lastUsed.mark(hash.recordKey, nowMs);
    metrics.verifications.add(['granted']);
    return {
      kind: 'granted',
      credentialId: record.id,
      workspaceId: record.workspaceId,
      userId: record.userId,
      permissions: new Set(permissions),
      credentialKind: kindOf(record.kind),
      expiresAtMs: record.expiresAtMs ?? undefined,
      rateLimit: record.rateLimit ?? workspace.rateLimit ?? undefined,
    };
  };
  return (secret) => {
    try {
      requireFresh(clock, [credentials, workspaces]);
    } catch (error) {
      metrics.verifications.add(['unavailable']);
      throw error;
    }
    return judge(secret);
  };
}

/**
 * What a credential allows now; undefined when its person has left. A key belongs to the workspace and outlives the
 * membership of whom it was issued to; an external-event token is a person's own and reaches no further than they do.
 */
function permissionsNow(record: CredentialRecord, memberships: Memberships): readonly string[] | undefined {
  if (record.kind !== 'external_event_token' || record.userId === '') return record.permissions;
  const role = memberships.roleOf(record.workspaceId, record.userId);
  return role && permissionsWithin(role, record.permissions);
}

/** What became of a presented credential. */
export type Verdict = Grant | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Who a good credential belongs to and what it may do. */
export interface Grant {
  readonly kind: 'granted';
  readonly credentialId: string;
  readonly workspaceId: string;
  /** Empty for credentials of the environment. */
  readonly userId: string;
  /** `*` is every permission. */
  readonly permissions: ReadonlySet<string>;
  readonly credentialKind: CredentialKind;
  /** Undefined for never. */
  readonly expiresAtMs: number | undefined;
  /** The credential's own limit or its workspace's; undefined for neither. */
  readonly rateLimit: RateLimit | undefined;
}

/** A verdict as the message of the contract. */
export function toVerifyResponse(verdict: Verdict): MessageInitShape<typeof VerifyResponseSchema> {
  if (verdict.kind === 'refused') return { refusal: verdict.refusal };
  return {
    credentialId: verdict.credentialId,
    workspaceId: verdict.workspaceId,
    userId: verdict.userId,
    permissions: [...verdict.permissions],
    kind: verdict.credentialKind,
    ...(verdict.rateLimit === undefined ? {} : { rateLimit: verdict.rateLimit }),
    ...(verdict.expiresAtMs === undefined ? {} : { expiresAt: timestampFromMs(verdict.expiresAtMs) }),
  };
}
