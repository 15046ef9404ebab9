import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { EARLIEST_MS, fieldError, LATEST_MS } from '@millrace/runtime';

/** What is wrong with a text that JSON lets nobody send. */
export const UNSTORABLE = 'must not hold NUL or a lone surrogate';
/** What is wrong with a time that the store doesn't hold, or that is none. */
export const BAD_TIME = 'must be a time from 1900 to 2299, with 0 to 999999999 nanoseconds';

/** Whether a text could have come by REST, where the reader of JSON sees to it. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Milliseconds since 1970, undefined when unset, null for what is no time or none that the store holds. */
export function toMilliseconds(time: Timestamp | undefined): number | undefined | null {
  if (!time) return undefined;
  const { seconds, nanos } = time;
  if (nanos < 0 || nanos > 999_999_999) return null;
  // Cut, as the digits of a text are. Nanoseconds count forward before 1970, too, so that it is the same direction.
  const ms = Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : null;
}

/** The text of a field. Throws MillraceError `invalid_argument` naming it. */
export function storable(field: string, text: string): string {
  if (!isStorable(text)) throw fieldError(field, UNSTORABLE);
  return text;
}

/** The time of a field in milliseconds, undefined when unset. Throws MillraceError `invalid_argument` naming it. */
export function milliseconds(field: string, time: Timestamp | undefined): number | undefined {
  const ms = toMilliseconds(time);
  if (ms === null) throw fieldError(field, BAD_TIME);
  return ms;
}
