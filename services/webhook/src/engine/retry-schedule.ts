import type { Duration } from '@bufbuild/protobuf/wkt';
import { NamedRetryPolicy, type RetryPolicy } from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError } from '@millrace/runtime';

/** When failed attempts are made again, as an endpoint's record has it. */
export type RetrySchedule =
  | { readonly kind: 'fast' }
  | { readonly kind: 'standard' }
  /** The waits before the attempts two and on. */
  | { readonly kind: 'custom'; readonly delaysMs: readonly number[] };

/** What becomes of a delivery whose attempt has failed. */
export type NextAttempt =
  /** In milliseconds since 1970. */
  { readonly kind: 'due'; readonly atMs: number } | { readonly kind: 'given_up' };

/** An attempt that has failed. */
export interface FailedAttempt {
  /** From 1. */
  readonly number: number;
  /** When it ended, in milliseconds since 1970. */
  readonly endedAtMs: number;
  /** How long the target asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const FAST_MS = [SECOND_MS, 2 * SECOND_MS];
const STANDARD_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  10 * HOUR_MS,
];
/** A standard wait is up to a tenth shorter or longer, so that what failed together isn't made again together. */
const JITTER = 0.1;

const MAX_DELAYS = 20;
const MAX_DELAY_MS = 24 * HOUR_MS;
/** Nobody can hold a delivery back for ever. */
const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;

/**
 * When a failed attempt is made again. A target that asks to be left alone is, for 24 hours at most: it puts an attempt off and never
 * brings one forward, or one more. `random` is from 0, below 1.
 */
export function nextAttempt(
  schedule: RetrySchedule,
  { number, endedAtMs, retryAfterMs = 0 }: FailedAttempt,
  random: () => number,
): NextAttempt {
  const delayMs = delaysOf(schedule)[number - 1];
  if (delayMs === undefined) return { kind: 'given_up' };
  const jitter = schedule.kind === 'standard' ? 1 + JITTER * (2 * random() - 1) : 1;
  const waitMs = Math.max(Math.round(delayMs * jitter), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  return { kind: 'due', atMs: endedAtMs + waitMs };
}

function delaysOf(schedule: RetrySchedule): readonly number[] {
  switch (schedule.kind) {
    case 'fast':
      return FAST_MS;
    case 'standard':
      return STANDARD_MS;
    case 'custom':
      return schedule.delaysMs;
  }
}

/**
 * Reads what a request says; `fast` where it says nothing. Throws MillraceError `invalid_argument` naming the place, for example
 * `retry_policy.custom.delays[3]`.
 */
export function readRetryPolicy(policy: RetryPolicy | undefined, field = 'retry_policy'): RetrySchedule {
  const schedule = policy?.schedule;
  switch (schedule?.case) {
    case undefined:
      return { kind: 'fast' };
    case 'named':
      return { kind: nameOf(schedule.value, `${field}.named`) };
    case 'custom': {
      const { delays } = schedule.value;
      const place = `${field}.custom.delays`;
      if (delays.length > MAX_DELAYS) throw fieldError(place, `at most ${MAX_DELAYS}`);
      return { kind: 'custom', delaysMs: delays.map((delay, i) => delayMsOf(delay, `${place}[${i}]`)) };
    }
  }
}

function nameOf(named: NamedRetryPolicy, place: string): 'fast' | 'standard' {
  switch (named) {
    case NamedRetryPolicy.UNSPECIFIED:
    case NamedRetryPolicy.FAST:
      return 'fast';
    case NamedRetryPolicy.STANDARD:
      return 'standard';
    default:
      throw fieldError(place, 'is not known');
  }
}

/** In whole milliseconds: what is beyond them is cut. */
function delayMsOf({ seconds, nanos }: Duration, place: string): number {
  if (!(nanos > -1_000_000_000 && nanos < 1_000_000_000))
    throw fieldError(place, 'must have less than 1000000000 nanoseconds');
  const ms = Number(seconds) * SECOND_MS + nanos / 1_000_000;
  if (!(ms >= 0 && ms <= MAX_DELAY_MS)) throw fieldError(place, 'must be 0 to 24 hours');
  return Math.floor(ms);
}
