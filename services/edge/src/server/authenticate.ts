import { MillraceError } from '@millrace/runtime';
import type { CredentialVerifier, Grant, Verdict } from '../clients/credentials.ts';
import { isMediaType } from '../request/media-type.ts';
import type { AccessRule, CredentialPlace } from './access.ts';
import type { Exchange } from './exchange.ts';
import { RequestFailure } from './failure.ts';
import { limitExchange } from './limits/limit-request.ts';
import type { RequestLimits } from './limits/request-limits.ts';
import { unmetDemand } from './unmet-demand.ts';

/**
 * The caller of an exchange, who is within their limit.
 * Throws RequestFailure `missing_credential`, `invalid_credential`, `rate_limited` or `forbidden`.
 * Answers synchronously when the verifier does, because a promise for each request is a price that the cache exists to save.
 */
export function authenticate(
  exchange: Exchange,
  deps: AuthenticateDeps,
  rule: AccessRule,
): Grant | Promise<Grant> {
  const secret = presentedSecret(exchange, rule.places);
  try {
    const verdict = deps.credentials.verify(secret);
    if (!(verdict instanceof Promise)) return admit(exchange, deps, verdict, rule);
    return verdict.then((late) => admit(exchange, deps, late, rule), refuseCrowd);
  } catch (error) {
    return refuseCrowd(error);
  }
}

/** What `authenticate` works with. */
export interface AuthenticateDeps {
  readonly credentials: CredentialVerifier;
  readonly limits: RequestLimits;
}

/** Too many credentials wait to be verified: that is the callers' doing, no store is away. */
function refuseCrowd(error: unknown): never {
  if (error instanceof MillraceError && error.code === 'resource_exhausted') {
    throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds: 1 });
  }
  throw error;
}

/** The limit comes first, so that every answer to a caller tells it, and refusals count too. */
function admit(
  exchange: Exchange,
  deps: AuthenticateDeps,
  verdict: Verdict,
  rule: AccessRule,
): Grant | Promise<Grant> {
  if (verdict.kind === 'refused') throw new RequestFailure({ kind: 'invalid_credential' });
  if (verdict.rateLimit === undefined && rule.limit === undefined) return permit(verdict, rule);
  const held = limitExchange(exchange, deps.limits.caller(verdict, rule.limit));
  return held instanceof Promise ? held.then(() => permit(verdict, rule)) : permit(verdict, rule);
}

function permit(verdict: Grant, rule: AccessRule): Grant {
  const unmet = unmetDemand(verdict, rule);
  if (unmet === undefined) return verdict;
  throw new RequestFailure(
    unmet.kind === 'person'
      ? { kind: 'invalid_credential' }
      : { kind: 'forbidden', permission: unmet.permission },
  );
}

function presentedSecret(exchange: Exchange, places: readonly CredentialPlace[]): string {
  for (const place of places) {
    const secret = readSecret(exchange, place);
    if (secret !== undefined) return secret;
  }
  // Another scheme than Bearer is a credential, though not one that is known here.
  const isForeign = places.includes('bearer') && Boolean(exchange.header('authorization')?.trim());
  throw new RequestFailure({ kind: isForeign ? 'invalid_credential' : 'missing_credential' });
}

function readSecret(exchange: Exchange, place: CredentialPlace): string | undefined {
  switch (place) {
    case 'apiKey':
      return exchange.header('x-api-key')?.trim() || undefined;
    case 'bearer':
      return bearerSecret(exchange);
    case 'beacon':
      return beaconSecret(exchange);
  }
}

/** The secret after `Bearer`, whose case doesn't matter (RFC 9110); undefined for another scheme or none. */
export function bearerSecret(exchange: Exchange): string | undefined {
  const value = exchange.header('authorization');
  if (value === undefined) return undefined;
  const separator = value.charCodeAt(6);
  if (separator !== 32 && separator !== 9) return undefined;
  if (!value.startsWith('Bearer') && value.slice(0, 6).toLowerCase() !== 'bearer') return undefined;
  return value.slice(7).trim() || undefined;
}

function beaconSecret(exchange: Exchange): string | undefined {
  // The type is looked at first: it is cheap, and other clients must not put secrets into URLs, which end up in logs.
  if (!isMediaType(exchange.header('content-type') ?? '', 'text/plain')) return undefined;
  return exchange.query().get('key') || undefined;
}
