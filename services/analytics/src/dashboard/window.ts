import { TimeRange } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { wholeUnits } from '../whole-units.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Lengths of the window and of its buckets, in milliseconds. */
const SHAPES: Readonly<Record<TimeRange, { readonly lengthMs: number; readonly bucketMs: number }>> = {
  [TimeRange.TIME_RANGE_UNSPECIFIED]: { lengthMs: HOUR_MS, bucketMs: 5 * MINUTE_MS },
  [TimeRange.TIME_RANGE_15M]: { lengthMs: 15 * MINUTE_MS, bucketMs: MINUTE_MS },
  [TimeRange.TIME_RANGE_1H]: { lengthMs: HOUR_MS, bucketMs: 5 * MINUTE_MS },
  [TimeRange.TIME_RANGE_24H]: { lengthMs: DAY_MS, bucketMs: 15 * MINUTE_MS },
  [TimeRange.TIME_RANGE_7D]: { lengthMs: 7 * DAY_MS, bucketMs: 2 * HOUR_MS },
};

/** A window of ingestion time, milliseconds since 1970: from `startMs` on, before `endMs`. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
  /** Buckets begin at multiples of it, so the first and the last may reach out of the window; they count what is inside. */
  readonly bucketMs: number;
}

/** The window of that range which ends now. */
export function windowOf(range: TimeRange, nowMs: number): Window {
  const { lengthMs, bucketMs } = SHAPES[range];
  return { startMs: nowMs - lengthMs, endMs: nowMs, bucketMs };
}

/** Where each bucket of a window begins, in order. */
export function bucketStarts({ startMs, endMs, bucketMs }: Window): number[] {
  const first = Math.floor(startMs / bucketMs) * bucketMs;
  const starts: number[] = [];
  for (let at = first; at < endMs; at += bucketMs) starts.push(at);
  return starts;
}

/** The window's whole units, as parameters of a statement. */
export function wholeParams(
  { startMs, endMs }: Window,
  unitMs: number,
): Record<'wholeFromMs' | 'wholeToMs', number> {
  const { fromMs, toMs } = wholeUnits({ fromMs: startMs, toMs: endMs }, unitMs);
  return { wholeFromMs: fromMs, wholeToMs: toMs };
}
