import type { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';

/** What became of a presented credential. */
export type Verdict = Grant | Refused;

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

/** How often a caller may ask. */
export interface RateLimit {
  readonly requestsPerMinute: number;
  /** Requests that may come at once, at least 1. */
  readonly burst: number;
}

/** Why a credential isn't good. */
export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
}

/** Says who a presented credential belongs to. */
export interface CredentialVerifier {
  /**
   * Answers at once, without a promise, when the verdict is known.
   * Fails with `unavailable` when auth can't be asked, with `resource_exhausted` when too many are being asked about.
   */
  verify(secret: string): Verdict | Promise<Verdict>;
}

/** Asks auth itself, in process or by gRPC. What was good before must not wait behind a flood of what never was. */
export type CredentialLookup = (secret: string, standing: 'known' | 'unknown') => Verdict | Promise<Verdict>;

/** Whether a verdict lets the caller do this, for example `events:write`. */
export function hasPermission(verdict: Verdict, permission: string): boolean {
  return verdict.kind === 'granted' && (verdict.permissions.has(permission) || verdict.permissions.has('*'));
}
