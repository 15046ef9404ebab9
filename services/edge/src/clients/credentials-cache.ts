import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, type Logger, MillraceError, type PlainCounter } from '@millrace/runtime';
import { LRUCache } from 'lru-cache';
import type { CredentialLookup, CredentialVerifier, Grant, Refused, Verdict } from './credentials.ts';
import type { CredentialChange, CredentialChangeListener } from './credentials-changes.ts';

/** How old a verdict may be, in milliseconds, before it is asked for again in the background. */
const REFRESH_AFTER_MS = 20_000;
/** How old it may be while auth answers. */
const MAX_AGE_MS = 30_000;
/** How old it may be while auth doesn't answer. */
const MAX_AGE_AUTH_AWAY_MS = 60_000;
/** Least time between two tries to refresh one verdict. */
const RETRY_MS = 1_000;
/** How long a failed try shows that auth is away: longer than a try and the pause after it take. */
const AWAY_EVIDENCE_MS = 5_000;
const REFUSED_LIFETIME_MS = 5_000;
/** Unknown credentials that may be asked about at once. */
const MAX_UNKNOWN_UNDER_WAY = 16_384;
/** No blanks, nothing beyond ASCII, and no longer than the longest token. */
const POSSIBLE_SECRET = /^[\x21-\x7e]{1,1024}$/;

interface Entry {
  readonly grant: Grant;
  readonly askedAtMs: number;
  /** Of another generation: announcements may have been missed since, so it counts as old. */
  readonly generation: number;
  failedAtMs: number;
  retryAtMs: number;
}

interface RefusedEntry {
  readonly verdict: Refused;
  readonly untilMs: number;
}

/** A cache of verdicts that is told of changes. */
export type CredentialCache = CredentialVerifier & CredentialChangeListener & { readonly size: number };

/**
 * Caches verdicts by the raw secret: a known one costs a map look-up.
 * Good ones live 30 s (60 s while auth is away) and are renewed in the background before that; refused ones live 5 s
 * in a bounded cache of their own, so that a flood of unknown keys pushes out no good one.
 */
export function createCredentialCache(options: {
  lookUp: CredentialLookup;
  clock: Clock;
  log: Logger;
  /** Labels: `granted`, `refused`, `failed`. Hits are not counted, the hot path has nothing to spare. */
  lookups: PlainCounter;
  maxEntries?: number;
  maxUnknownUnderWay?: number;
}): CredentialCache {
  const { clock, log, lookups } = options;
  const maxUnknownUnderWay = options.maxUnknownUnderWay ?? MAX_UNKNOWN_UNDER_WAY;
  const maxEntries = options.maxEntries ?? 10_000;
  const granted = new LRUCache<string, Entry>({ max: maxEntries });
  const refused = new LRUCache<string, RefusedEntry>({ max: maxEntries });
  const underWay = new Map<string, Promise<Verdict>>();
  let unknownUnderWay = 0;
  let generation = 0;
  // Counts announcements: an answer that was on its way when one came may be older than the change.
  let epoch = 0;
  let authAway = false;

  const remember = (secret: string, verdict: Verdict, askedAtMs: number): void => {
    if (verdict.kind === 'granted') {
      refused.delete(secret);
      granted.set(secret, {
        grant: verdict,
        askedAtMs,
        generation,
        failedAtMs: Number.NEGATIVE_INFINITY,
        retryAtMs: 0,
      });
      return;
    }
    granted.delete(secret);
    refused.set(secret, { verdict, untilMs: askedAtMs + REFUSED_LIFETIME_MS });
  };

  const answered = (secret: string, verdict: Verdict, asked: { atMs: number; epoch: number }): Verdict => {
    if (authAway) log.info('credentials are verified again');
    authAway = false;
    lookups.add([verdict.kind]);
    if (asked.epoch === epoch) remember(secret, verdict, asked.atMs);
    return verdict;
  };

  const failed = (secret: string, known: Entry | undefined, error: unknown): Verdict => {
    lookups.add(['failed']);
    if (!authAway) log.warn({ err: error }, 'credentials can not be verified, known ones stay good for 60 s');
    authAway = true;
    const nowMs = clock.monotonic();
    const usable = known !== undefined && granted.peek(secret) === known && !isExpired(known.grant);
    if (!usable || nowMs - known.askedAtMs >= MAX_AGE_AUTH_AWAY_MS) {
      throw new MillraceError('unavailable', 'credentials can not be verified now', { cause: error });
    }
    known.failedAtMs = nowMs;
    known.retryAtMs = nowMs + RETRY_MS;
    return known.grant;
  };

  const ask = (secret: string, known: Entry | undefined): Verdict | Promise<Verdict> => {
    const running = underWay.get(secret);
    if (running !== undefined) return running;
    const asked = { atMs: clock.monotonic(), epoch };
    if (known === undefined && unknownUnderWay >= maxUnknownUnderWay) {
      throw new MillraceError('resource_exhausted', 'too many credentials are being verified, try again');
    }
    try {
      const answer = options.lookUp(secret, known === undefined ? 'unknown' : 'known');
      if (!(answer instanceof Promise)) return answered(secret, answer, asked);
      if (known === undefined) unknownUnderWay++;
      const settled = answer
        .then(
          (verdict) => answered(secret, verdict, asked),
          (error: unknown) => failed(secret, known, error),
        )
        .finally(() => {
          if (known === undefined) unknownUnderWay--;
          if (underWay.get(secret) === settled) underWay.delete(secret);
        });
      underWay.set(secret, settled);
      return settled;
    } catch (error) {
      return failed(secret, known, error);
    }
  };

  const refreshInBackground = (secret: string, entry: Entry, nowMs: number): void => {
    if (nowMs < entry.retryAtMs) return;
    entry.retryAtMs = nowMs + RETRY_MS;
    const refreshed = ask(secret, entry);
    if (!(refreshed instanceof Promise)) return;
    refreshed.catch((error: unknown) => log.debug({ err: error }, 'a verdict could not be refreshed'));
  };

  const forgetDoubtful = (): void => {
    epoch++;
    // Who comes now must not be given an answer to a question that was asked before the change.
    underWay.clear();
    // The announced credential may be a new one, or one that is good again.
    refused.clear();
  };

  const isExpired = (grant: Grant): boolean =>
    grant.expiresAtMs !== undefined && grant.expiresAtMs <= clock.now();

  const verifyOld = (secret: string, entry: Entry, nowMs: number): Verdict | Promise<Verdict> => {
    const ageMs = nowMs - entry.askedAtMs;
    if (ageMs >= MAX_AGE_AUTH_AWAY_MS) {
      granted.delete(secret);
      return ask(secret, undefined);
    }
    const mayBeServed = ageMs < MAX_AGE_MS && entry.generation === generation;
    if (!mayBeServed && nowMs - entry.failedAtMs >= AWAY_EVIDENCE_MS) return ask(secret, entry);
    refreshInBackground(secret, entry, nowMs);
    return entry.grant;
  };

  const verifyUnknown = (secret: string): Verdict | Promise<Verdict> => {
    if (!POSSIBLE_SECRET.test(secret)) return UNKNOWN;
    const known = refused.get(secret);
    if (known !== undefined && clock.monotonic() < known.untilMs) return known.verdict;
    return ask(secret, undefined);
  };

  return {
    verify(secret) {
      const entry = granted.get(secret);
      if (entry === undefined) return verifyUnknown(secret);
      if (isExpired(entry.grant)) {
        remember(secret, EXPIRED, clock.monotonic());
        return EXPIRED;
      }
      const nowMs = clock.monotonic();
      if (nowMs - entry.askedAtMs < REFRESH_AFTER_MS && entry.generation === generation) return entry.grant;
      return verifyOld(secret, entry, nowMs);
    },
    changed(change) {
      forgetDoubtful();
      // Collected first: entries must not go while the cache is walked through.
      const wrong: string[] = [];
      for (const [secret, { grant }] of granted.entries()) if (names(change, grant)) wrong.push(secret);
      for (const secret of wrong) granted.delete(secret);
    },
    missed() {
      forgetDoubtful();
      generation++;
    },
    get size() {
      return granted.size + refused.size;
    },
  };
}

/** Whether a verdict is one that a change makes wrong; a session goes by its own id, its user's, or its workspace's. */
function names(change: CredentialChange, grant: Grant): boolean {
  return (
    grant.credentialId === change.credentialId ||
    grant.workspaceId === change.workspaceId ||
    // Credentials of the environment have no user.
    (grant.userId !== '' && grant.userId === change.userId)
  );
}

const UNKNOWN: Refused = { kind: 'refused', refusal: Refusal.UNKNOWN };
const EXPIRED: Refused = { kind: 'refused', refusal: Refusal.EXPIRED };
