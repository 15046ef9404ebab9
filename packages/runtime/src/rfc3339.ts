import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { fieldError } from './errors.ts';

/** The times that the event store's `DateTime64(3)` columns hold. */
export const EARLIEST_MS = Date.UTC(1900, 0, 1);
/** The last of them. */
export const LATEST_MS = Date.UTC(2300, 0, 1) - 1;

/** What to tell a client whose time `parseRfc3339` refuses. */
export const RFC3339_EXPECTED = 'must be an RFC 3339 date-time with an offset, from 1900 to 2299';

/** Longest accepted text: no clock is finer, and work on a body stays in proportion to it. */
const MAX_CHARS = 64;
const DAY_MS = 86_400_000;

/**
 * Milliseconds since 1970 of an RFC 3339 date-time, or undefined when it is none or beyond the event store's range: the offset
 * is required, the date must exist, digits beyond milliseconds are cut. A leap second (`23:59:60` UTC at the end of June or
 * December) is the second after it, as in POSIX time. Read by position: a regular expression takes four times as long.
 */
export function parseRfc3339(text: string): number | undefined {
  if (text.length < 20 || text.length > MAX_CHARS || !hasSeparators(text)) return undefined;
  const year = readDigits(text, 0, 4);
  const month = readDigits(text, 5, 2);
  const day = readDigits(text, 8, 2);
  const hour = readDigits(text, 11, 2);
  const minute = readDigits(text, 14, 2);
  const second = readDigits(text, 17, 2);
  // Comparisons with NaN are false, so that what isn't digits fails here.
  const isDate = year >= 1899 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  if (!isDate || !(hour <= 23 && minute <= 59 && second <= 60)) return undefined;
  const fractionEnd = text.charCodeAt(19) === 46 ? digitsEnd(text, 20) : 19;
  const offsetMs = readOffset(text, fractionEnd);
  if (fractionEnd === 20 || offsetMs === undefined) return undefined;
  const wholeMs = Date.UTC(year, month - 1, day, hour, minute, second) - offsetMs;
  if (second === 60 && !followsLeapSecond(wholeMs)) return undefined;
  const ms = fractionEnd === 19 ? wholeMs : wholeMs + readFraction(text, fractionEnd);
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : undefined;
}

function hasSeparators(text: string): boolean {
  return (
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    (text.charCodeAt(10) | 32) === 116 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58
  );
}

/** The number that `count` digits spell, or NaN. */
function readDigits(text: string, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

function digitsEnd(text: string, start: number): number {
  let i = start;
  while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  return i;
}

/** Milliseconds of the fraction that begins at index 20. */
function readFraction(text: string, end: number): number {
  const digits = Math.min(3, end - 20);
  return readDigits(text, 20, digits) * (digits === 1 ? 100 : digits === 2 ? 10 : 1);
}

/** The offset from UTC that ends the text, or undefined when something else does. */
function readOffset(text: string, start: number): number | undefined {
  const code = text.charCodeAt(start);
  if ((code | 32) === 122) return text.length === start + 1 ? 0 : undefined;
  if (code !== 43 && code !== 45) return undefined;
  const hours = readDigits(text, start + 1, 2);
  const minutes = readDigits(text, start + 4, 2);
  const isOffset = text.length === start + 6 && text.charCodeAt(start + 3) === 58;
  if (!isOffset || !(hours <= 23 && minutes <= 59)) return undefined;
  const offsetMs = (hours * 60 + minutes) * 60_000;
  return code === 43 ? offsetMs : -offsetMs;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Leap seconds come just before the first of January or July, UTC. */
function followsLeapSecond(ms: number): boolean {
  const date = new Date(ms);
  return ms % DAY_MS === 0 && date.getUTCDate() === 1 && date.getUTCMonth() % 6 === 0;
}

/** A time as JSON clients read it, ISO 8601 in UTC with milliseconds; null for one that isn't set. */
export function isoTime(timestamp: Timestamp | undefined): string | null {
  return timestamp === undefined ? null : timestampDate(timestamp).toISOString();
}

/**
 * A time of a request in whole milliseconds since 1970: what is beyond them is cut, as of a text. Throws MillraceError `invalid_argument`
 * for nanoseconds that no time has.
 */
export function wholeMs({ seconds, nanos }: Pick<Timestamp, 'seconds' | 'nanos'>, field: string): number {
  if (!(nanos >= 0 && nanos <= 999_999_999)) throw fieldError(field, 'must have 0 to 999999999 nanoseconds');
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
}
