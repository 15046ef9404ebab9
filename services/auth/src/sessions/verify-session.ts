import { setTimeout as delay } from 'node:timers/promises';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import type { Clock } from '@millrace/runtime';
import { errors, type JWTHeaderParameters, jwtVerify } from 'jose';
import type { AuthMetrics } from '../metrics.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { requireFresh } from '../store/auth-store.ts';
import type { Memberships } from '../store/memberships.ts';
import { ROLE_PERMISSIONS } from '../store/role.ts';
import type { UserIndex } from '../store/user-record.ts';
import type { Verdict } from '../verify.ts';
import {
  SESSION_ALGORITHM,
  type SessionClaims,
  type SessionParties,
  sessionClaims,
} from './issue-session.ts';
import type { SigningKeys } from './signing-keys.ts';

/** How far ahead the clock of the replica that issued a session may be. */
const CLOCK_SKEW_MS = 5_000;
/** Another replica may have issued a session this young a moment before this one's index shows its user. */
const YOUNG_MS = 5_000;
const YOUNG_CHECKS = 20;
const YOUNG_CHECK_MS = 25;

type Reading =
  | { readonly kind: 'genuine'; readonly claims: SessionClaims }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Makes the check of a presented session: its signature by one of our keys, and then what is stored now of its user
 * and their role. Only the key is ever taken from the token's header, by name.
 * Throws `unavailable` once the index may have missed a change for longer than 5 s.
 */
export function createVerifySession(options: {
  store: AuthStore;
  keys: SigningKeys;
  users: UserIndex;
  memberships: Memberships;
  parties: SessionParties;
  clock: Clock;
  metrics: AuthMetrics;
}): (token: string) => Promise<Verdict> {
  const { store, keys, users, memberships, parties, clock, metrics } = options;

  const read = async (token: string): Promise<Reading> => {
    try {
      const { payload } = await jwtVerify(token, (header) => keyNamed(keys, header), {
        algorithms: [SESSION_ALGORITHM],
        typ: 'JWT',
        issuer: parties.issuer,
        audience: parties.audience,
        requiredClaims: ['sub', 'workspace_id', 'iat', 'exp', 'jti'],
        currentDate: new Date(clock.now()),
      });
      const claims = sessionClaims.safeParse(payload);
      if (!claims.success || issuedAtMs(claims.data) > clock.now() + CLOCK_SKEW_MS) return UNKNOWN;
      return { kind: 'genuine', claims: claims.data };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { kind: 'refused', refusal: Refusal.EXPIRED };
      if (error instanceof errors.JOSEError) return UNKNOWN;
      throw error;
    }
  };

  const judge = (claims: SessionClaims): Verdict => {
    const user = users.byId(claims.sub);
    if (user === undefined) return UNKNOWN;
    if (issuedAtMs(claims) < user.sessionsValidFromMs) return REVOKED;
    const role = memberships.roleOf(claims.workspace_id, user.id);
    if (role === undefined) return REVOKED;
    return {
      kind: 'granted',
      credentialId: claims.jti,
      workspaceId: claims.workspace_id,
      userId: user.id,
      permissions: new Set(ROLE_PERMISSIONS[role]),
      credentialKind: CredentialKind.SESSION,
      expiresAtMs: claims.exp * 1_000,
      rateLimit: store.workspaces.get(claims.workspace_id)?.value.rateLimit ?? undefined,
    };
  };

  const isYoung = (claims: SessionClaims): boolean => clock.now() - issuedAtMs(claims) <= YOUNG_MS;
  const isEnded = (claims: SessionClaims): boolean =>
    issuedAtMs(claims) < (users.byId(claims.sub)?.sessionsValidFromMs ?? 0);

  const judgeInTime = async (claims: SessionClaims): Promise<Verdict> => {
    for (let checks = 0; checks < YOUNG_CHECKS && isYoung(claims) && !isEnded(claims); checks++) {
      const verdict = judge(claims);
      if (verdict.kind === 'granted') return verdict;
      await delay(YOUNG_CHECK_MS);
    }
    return judge(claims);
  };

  return async (token) => {
    requireFresh(clock, [store.users, store.workspaces, store.signingKeys]);
    const reading = await read(token);
    const verdict = reading.kind === 'genuine' ? await judgeInTime(reading.claims) : reading;
    metrics.verifications.add([verdict.kind === 'granted' ? 'granted' : refusalName(verdict.refusal)]);
    return verdict;
  };
}

const UNKNOWN = { kind: 'refused', refusal: Refusal.UNKNOWN } as const;
const REVOKED = { kind: 'refused', refusal: Refusal.REVOKED } as const;

function keyNamed(keys: SigningKeys, header: JWTHeaderParameters) {
  const key = typeof header.kid === 'string' ? keys.publicKey(header.kid) : undefined;
  if (key === undefined) throw new errors.JWKSNoMatchingKey();
  return key;
}

function issuedAtMs(claims: SessionClaims): number {
  return Math.round(claims.iat * 1_000);
}

function refusalName(refusal: Refusal): string {
  if (refusal === Refusal.EXPIRED) return 'expired';
  return refusal === Refusal.REVOKED ? 'revoked' : 'unknown';
}
