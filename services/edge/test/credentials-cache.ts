import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createLogger, MillraceError } from '@millrace/runtime';
import type { CredentialLookup, Grant, Verdict } from '../src/clients/credentials.ts';
import { createCredentialCache } from '../src/clients/credentials-cache.ts';

/** A cache over an auth that answers as told, on a clock that is set by hand. */
export function cacheOver(
  first: CredentialLookup,
  options: { maxEntries?: number; maxUnknownUnderWay?: number } = {},
) {
  const state = { nowMs: 1_000_000, asked: 0, answer: first };
  const cache = createCredentialCache({
    lookUp(secret, standing) {
      state.asked++;
      return state.answer(secret, standing);
    },
    clock: { now: () => state.nowMs, monotonic: () => state.nowMs },
    log: createLogger({ service: 'test', level: 'silent' }),
    lookups: { add: () => undefined, series: () => ({ add: () => undefined }) },
    maxEntries: options.maxEntries ?? 100,
    maxUnknownUnderWay: options.maxUnknownUnderWay ?? 4,
  });
  return { cache, state };
}

/** What an auth that is away fails with. */
export const UNAVAILABLE = new MillraceError('unavailable', 'auth is away');
/** The verdict on an unknown secret. */
export const REFUSED: Verdict = { kind: 'refused', refusal: Refusal.UNKNOWN };

/** The verdict on a good secret. */
export function grantFor(secret: string, more: Partial<Grant> = {}): Grant {
  return {
    kind: 'granted',
    credentialId: `id of ${secret}`,
    workspaceId: 'w',
    userId: '',
    permissions: new Set(['events:write']),
    credentialKind: CredentialKind.ANALYTICS_KEY,
    expiresAtMs: undefined,
    rateLimit: undefined,
    ...more,
  };
}

/** Lets answers arrive. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
/** An auth to which every secret is good. */
export const good = async (secret: string): Promise<Verdict> => grantFor(secret);
