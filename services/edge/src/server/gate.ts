import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { type CredentialVerifier, type Grant, hasPermission, type Verdict } from '../clients/credentials.ts';
import { isMediaType } from '../request/media-type.ts';
import type { Exchange } from './exchange.ts';
import { RequestFailure } from './failure.ts';
import { limitCaller } from './limits/limit-request.ts';
import type { RequestLimits } from './limits/request-limits.ts';
import type { AccessRule, CredentialPlace, GuardedRoute, PublicRoute } from './route.ts';

/** What the gate works with. */
export interface GateDeps {
  readonly credentials: CredentialVerifier;
  readonly limits: RequestLimits;
  /** The grant of callers without a credential on routes that let them in; undefined where no workspace is public. */
  readonly publicGrant?: () => Promise<Grant | undefined>;
}

/** What the gate reads of a request and writes to its answer, whichever protocol it came by. */
export type Presented = Pick<Exchange, 'header' | 'query' | 'addHeaders'>;

/** What of a route serving it takes. */
export type ServedRoute =
  | Omit<PublicRoute, 'method' | 'documentation'>
  | Omit<GuardedRoute, 'method' | 'documentation'>;

/**
 * The one way into a route: who doesn't meet its `access` never reaches its handler. Throws what the route's `encodeFailure` is for.
 * Runs synchronously as far as it can, because a promise for each request is a price that the credentials' cache exists to save.
 */
export function enter(route: ServedRoute, exchange: Exchange, deps: GateDeps): void | Promise<void> {
  if (route.access === 'public') return route.handle(exchange);
  try {
    const grant = admit(exchange, deps, route.access);
    if (!(grant instanceof Promise)) return route.handle(exchange, grant);
    return grant.then(
      (late) => route.handle(exchange, late),
      (error: unknown) => refuse(route, exchange, error),
    );
  } catch (error) {
    return refuse(route, exchange, error);
  }
}

async function refuse(route: ServedRoute, exchange: Exchange, error: unknown): Promise<never> {
  await route.beforeRefusal?.(exchange);
  throw error;
}

/**
 * The caller of a request, who is within their limit and meets the rule.
 * Throws RequestFailure `missing_credential`, `invalid_credential`, `rate_limited` or `forbidden`.
 */
export function admit(request: Presented, deps: GateDeps, rule: AccessRule): Grant | Promise<Grant> {
  const secret = presentedSecret(request, rule);
  if (secret === undefined) return admitAnonymous(deps);
  try {
    const verdict = deps.credentials.verify(secret);
    if (!(verdict instanceof Promise)) return judge(request, deps, verdict, rule);
    return verdict.then((late) => judge(request, deps, late, rule), refuseCrowd);
  } catch (error) {
    return refuseCrowd(error);
  }
}

/** Throws RequestFailure `missing_credential` where no workspace is public, MillraceError `unavailable` while nobody can tell. */
async function admitAnonymous({ publicGrant }: Pick<GateDeps, 'publicGrant'>): Promise<Grant> {
  const grant = await publicGrant?.();
  if (grant === undefined) throw new RequestFailure({ kind: 'missing_credential' });
  return grant;
}

/** The caller again, of a request that lasts: throws once they are no longer who may make it. Takes nothing from their limit. */
export async function admitAgain(
  request: Presented,
  deps: Omit<GateDeps, 'limits'>,
  rule: AccessRule,
): Promise<Grant> {
  const secret = presentedSecret(request, rule);
  if (secret === undefined) return admitAnonymous(deps);
  const verdict = await deps.credentials.verify(secret);
  if (verdict.kind === 'refused') throw new RequestFailure({ kind: 'invalid_credential' });
  return permit(verdict, rule);
}

/** Too many credentials wait to be verified: that is the callers' doing, no store is away. */
function refuseCrowd(error: unknown): never {
  if (error instanceof MillraceError && error.code === 'resource_exhausted') {
    throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds: 1 });
  }
  throw error;
}

/** The limit comes first, so that every answer to a caller tells it, and refusals count too. */
function judge(
  request: Presented,
  deps: GateDeps,
  verdict: Verdict,
  rule: AccessRule,
): Grant | Promise<Grant> {
  if (verdict.kind === 'refused') throw new RequestFailure({ kind: 'invalid_credential' });
  const preset = typeof rule.limit === 'function' ? rule.limit(request) : rule.limit;
  if (verdict.rateLimit === undefined && preset === undefined) return permit(verdict, rule);
  const held = limitCaller(request, deps.limits.caller(verdict, preset));
  return held instanceof Promise ? held.then(() => permit(verdict, rule)) : permit(verdict, rule);
}

function permit(grant: Grant, { anyOf, caller }: AccessRule): Grant {
  if (caller === 'person' && grant.credentialKind !== CredentialKind.SESSION) {
    throw new RequestFailure({ kind: 'invalid_credential' });
  }
  if (anyOf.length === 0) return grant;
  for (const permission of anyOf) if (hasPermission(grant, permission)) return grant;
  throw new RequestFailure({ kind: 'forbidden', permission: anyOf[0] ?? '' });
}

/**
 * The credential of a request; two that differ are none, since nobody can tell which of them is meant. Undefined where there is none and
 * the rule lets strangers in.
 */
function presentedSecret(request: Presented, { places, anonymous }: AccessRule): string | undefined {
  let secret: string | undefined;
  for (const place of places) {
    const found = readSecret(request, place);
    if (found === undefined) continue;
    if (secret !== undefined && secret !== found) throw new RequestFailure({ kind: 'invalid_credential' });
    secret = found;
  }
  if (secret !== undefined) return secret;
  // Another scheme than Bearer is a credential, though not one that is known here.
  const isForeign = places.includes('bearer') && Boolean(request.header('authorization')?.trim());
  if (!isForeign && anonymous !== undefined) return undefined;
  throw new RequestFailure({ kind: isForeign ? 'invalid_credential' : 'missing_credential' });
}

function readSecret(request: Presented, place: CredentialPlace): string | undefined {
  switch (place) {
    case 'apiKey':
      return request.header('x-api-key')?.trim() || undefined;
    case 'bearer':
      return bearerSecret(request);
    case 'beacon':
      return beaconSecret(request);
  }
}

/** The secret after `Bearer`, whose case doesn't matter (RFC 9110); undefined for another scheme or none. */
export function bearerSecret(request: Pick<Presented, 'header'>): string | undefined {
  const value = request.header('authorization');
  if (value === undefined) return undefined;
  const separator = value.charCodeAt(6);
  if (separator !== 32 && separator !== 9) return undefined;
  if (!value.startsWith('Bearer') && value.slice(0, 6).toLowerCase() !== 'bearer') return undefined;
  return value.slice(7).trim() || undefined;
}

function beaconSecret(request: Presented): string | undefined {
  // The type is looked at first: it is cheap, and other clients must not put secrets into URLs, which end up in logs.
  if (!isMediaType(request.header('content-type') ?? '', 'text/plain')) return undefined;
  return request.query().get('key') || undefined;
}
