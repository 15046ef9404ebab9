import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AuthStore } from './auth-store.ts';
import { kindOf } from './credentials/credential-record.ts';
import type { LastUsed } from './credentials/last-used.ts';
import { type SecretHasher, sameProof } from './credentials/secret-hash.ts';
import type { AuthMetrics } from './metrics.ts';
import type { Verdict } from './verdict.ts';

/** Longer than this no credential can be, in UTF-16 units. */
const MAX_SECRET_LENGTH = 512;

/** How long the index may be cut off from the store before its answers are not given any more, in milliseconds. */
const MAX_STALE_MS = 5_000;

/**
 * Makes the look-up of a presented secret: no I/O.
 * Throws `unavailable` once the index may have missed a revocation for longer than 5 s.
 */
export function createVerify(options: {
  store: AuthStore;
  hasher: SecretHasher;
  lastUsed: LastUsed;
  clock: Clock;
  metrics: AuthMetrics;
}): (secret: string) => Verdict {
  const { store, hasher, lastUsed, clock, metrics } = options;
  const { credentials } = store;
  const refuse = (refusal: Refusal, outcome: string): Verdict => {
    metrics.verifications.add([outcome]);
    return { kind: 'refused', refusal };
  };
  return (secret) => {
    const staleSinceMs = credentials.staleSinceMs;
    if (staleSinceMs !== undefined && clock.monotonic() - staleSinceMs > MAX_STALE_MS) {
      metrics.verifications.add(['unavailable']);
      throw new MillraceError('unavailable', 'credentials can not be verified now');
    }
    if (secret === '' || secret.length > MAX_SECRET_LENGTH) return refuse(Refusal.UNKNOWN, 'unknown');
    const hash = hasher.hash(secret);
    const record = credentials.get(hash.recordKey)?.value;
    if (record === undefined || !sameProof(hash.proof, record.proof)) {
      return refuse(Refusal.UNKNOWN, 'unknown');
    }
    if (!record.active) return refuse(Refusal.REVOKED, 'revoked');
    const nowMs = clock.now();
    if (record.expiresAtMs !== null && record.expiresAtMs <= nowMs) return refuse(Refusal.EXPIRED, 'expired');
    lastUsed.mark(hash.recordKey, nowMs);
    metrics.verifications.add(['granted']);
    return {
      kind: 'granted',
      credentialId: record.id,
      workspaceId: record.workspaceId,
      userId: record.userId,
      permissions: new Set(record.permissions),
      credentialKind: kindOf(record.kind),
      expiresAtMs: record.expiresAtMs ?? undefined,
      rateLimit: record.rateLimit ?? store.workspaces.get(record.workspaceId)?.value.rateLimit ?? undefined,
    };
  };
}
