import { traceIdOf } from '@millrace/runtime';
import type { Grant } from '../clients/credentials.ts';
import type { ApiDeps } from '../request/api.ts';
import { invalid } from '../request/issues.ts';
import type { Exchange } from '../server/exchange.ts';
import { RequestFailure } from '../server/failure.ts';
import type { DialectName } from './canonical-event.ts';
import type { SubmitOutcome } from './submit.ts';

/** What a decoder needs to know besides the body. */
export interface DecodeContext {
  readonly workspaceId: string;
  readonly receivedAtMs: number;
  /** 32 hex digits or empty. */
  readonly traceId: string;
  readonly newId: (nowMs: number) => string;
}

const RETRY_AFTER_SECONDS = 1;

/** The context of an authenticated exchange. */
export function contextOf(exchange: Exchange, grant: Grant, deps: ApiDeps): DecodeContext {
  return {
    workspaceId: grant.workspaceId,
    receivedAtMs: exchange.receivedAtMs,
    traceId: traceIdOf(exchange.traceparent) ?? '',
    newId: deps.newId,
  };
}

/** Runs a decoder, and counts the request when it is refused. */
export function countingRejections<T>(deps: ApiDeps, dialect: DialectName, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof RequestFailure) deps.countRejected(dialect, error.failure.kind);
    throw error;
  }
}

/**
 * Like `requireStored`, for routes on which a caller's `Idempotency-Key` stands for one request: another body under it was not
 * stored, and saying otherwise would lose it. Throws RequestFailure `conflict` then.
 */
export function requireSameRequest(
  outcome: SubmitOutcome,
): Exclude<SubmitOutcome, { kind: 'unavailable' | 'conflict' }> {
  const stored = requireStored(outcome);
  if (stored.kind !== 'conflict') return stored;
  throw new RequestFailure({ kind: 'conflict', eventId: stored.eventId });
}

/** Throws RequestFailure `unavailable` for an event that is not known to be stored. */
export function requireStored(outcome: SubmitOutcome): Exclude<SubmitOutcome, { kind: 'unavailable' }> {
  if (outcome.kind !== 'unavailable') return outcome;
  throw new RequestFailure({ kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_SECONDS });
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** The caller's `Idempotency-Key`, or undefined. Throws RequestFailure `invalid` when it isn't 1 to 255 visible ASCII characters. */
export function idempotencyKey(exchange: Exchange): string | undefined {
  const key = exchange.header('idempotency-key');
  if (key === undefined || VISIBLE_ASCII.test(key)) return key;
  const message = 'must be 1 to 255 visible ASCII characters';
  throw invalid([{ code: 'custom', path: ['Idempotency-Key'], message }]);
}
