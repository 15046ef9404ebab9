import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type Filter,
  Interval,
  TimeBasis,
  Weekday,
  type Window as WindowMessage,
} from '@millrace/contracts/millrace/query/v1/query';
import { EARLIEST_MS, fieldError, LATEST_MS, wholeMs } from '@millrace/runtime';
import type { PropertyColumns, StatementDraft } from './statement.ts';

/** A window as it is read: milliseconds since 1970, from `fromMs` on, before `toMs`. */
export interface QueryWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly column: 'received_at' | 'occurred_at';
  readonly timeZone: string;
  readonly weekStart: Weekday.MONDAY | Weekday.SUNDAY;
}

/** Which events a question is about, and what the table keeps of their JSON. */
export interface QuestionScope {
  readonly workspaceId: string;
  readonly window: QueryWindow;
  readonly filter: Filter | undefined;
  readonly properties?: PropertyColumns | undefined;
}

const COLUMNS: Readonly<Record<TimeBasis, QueryWindow['column']>> = {
  [TimeBasis.UNSPECIFIED]: 'received_at',
  [TimeBasis.RECEIVED]: 'received_at',
  [TimeBasis.OCCURRED]: 'occurred_at',
};

const HOUR_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * HOUR_MS;
const DEFAULT_LENGTH_MS = 7 * DAY_MS;
const MAX_LENGTH_MS = 400 * DAY_MS;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/;

/** The window of a question. Throws MillraceError `invalid_argument` naming the field below `place`. */
export function readWindow(window: WindowMessage | undefined, nowMs: number, place = 'window'): QueryWindow {
  const toMs = timeOf(window?.to, `${place}.to`) ?? nowMs;
  const from = timeOf(window?.from, `${place}.from`);
  const lastMs = lengthOf(window?.last, `${place}.last`);
  if (from !== undefined && lastMs !== undefined) throw fieldError(`${place}.last`, 'is instead of from');
  const fromMs = from ?? toMs - (lastMs ?? DEFAULT_LENGTH_MS);
  if (fromMs >= toMs) throw fieldError(`${place}.from`, 'must be before to');
  if (toMs - fromMs > MAX_LENGTH_MS) throw fieldError(`${place}.from`, 'at most 400 days before to');
  const { basis = TimeBasis.UNSPECIFIED, weekStart = Weekday.UNSPECIFIED } = window ?? {};
  if (COLUMNS[basis] === undefined) throw fieldError(`${place}.basis`, 'is not known');
  if (Weekday[weekStart] === undefined) throw fieldError(`${place}.week_start`, 'is not known');
  return {
    fromMs,
    toMs,
    column: COLUMNS[basis],
    timeZone: zoneOf(window?.timeZone ?? '', `${place}.time_zone`),
    weekStart: weekStart === Weekday.SUNDAY ? Weekday.SUNDAY : Weekday.MONDAY,
  };
}

function timeOf(time: Timestamp | undefined, place: string): number | undefined {
  if (time === undefined) return undefined;
  const ms = wholeMs(time, place);
  if (!(ms >= EARLIEST_MS && ms <= LATEST_MS)) throw fieldError(place, 'must be between 1900 and 2299');
  return ms;
}

function lengthOf(
  duration: { seconds: bigint; nanos: number } | undefined,
  place: string,
): number | undefined {
  if (duration === undefined) return undefined;
  const ms = Number(duration.seconds) * 1_000 + Math.floor(duration.nanos / 1e6);
  if (ms <= 0) throw fieldError(place, 'must be positive');
  return ms;
}

/** The zone's name as the time zone database writes it. */
function zoneOf(name: string, place: string): string {
  if (name === '') return 'UTC';
  try {
    if (ZONE_NAME.test(name))
      return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw fieldError(place, 'must be the name of a time zone such as Europe/Berlin');
}

/** Whether an event is the workspace's and in the window. */
export function windowCondition(workspaceId: string, window: QueryWindow, draft: StatementDraft): string {
  const { column, fromMs, toMs } = window;
  return `workspace_id = ${draft.bind(workspaceId, 'String')}
  AND ${column} >= ${timeLiteral(fromMs, draft)}
  AND ${column} < ${timeLiteral(toMs, draft)}`;
}

/** A bound moment. */
export function timeLiteral(ms: number, draft: StatementDraft): string {
  return `fromUnixTimestamp64Milli(${draft.bind(ms, 'Int64')}, 'UTC')`;
}

const FIXED_MS: Partial<Record<Interval, number>> = {
  [Interval.MINUTE]: 60_000,
  [Interval.FIVE_MINUTES]: 5 * 60_000,
  [Interval.QUARTER_HOUR]: 15 * 60_000,
};

/** Where the bucket of a moment begins, as DateTime64(3, 'UTC'). */
export function bucketExpression(
  time: string,
  interval: Interval,
  { timeZone, weekStart }: QueryWindow,
  draft: StatementDraft,
): string {
  const zone = draft.bind(timeZone, 'String');
  const utc = (expression: string) => `toTimeZone(toDateTime64(${expression}, 3, ${zone}), 'UTC')`;
  const fixedMs = FIXED_MS[interval];
  if (fixedMs !== undefined) {
    const length = draft.bind(fixedMs, 'Int64');
    return `fromUnixTimestamp64Milli(intDiv(toUnixTimestamp64Milli(${time}), ${length}) * ${length}, 'UTC')`;
  }
  switch (interval) {
    case Interval.DAY:
      return utc(`toStartOfDay(${time}, ${zone})`);
    case Interval.WEEK:
      // Mode 1 begins weeks on Monday, mode 0 on Sunday. A date has no zone until it is given one.
      return utc(`toStartOfWeek(${time}, ${weekStart === Weekday.SUNDAY ? 0 : 1}, ${zone})`);
    case Interval.MONTH:
      return utc(`toStartOfMonth(${time}, ${zone})`);
    default:
      return utc(`toStartOfHour(${time}, ${zone})`);
  }
}

const MINUTE_MS = 60_000;
/** No bucket of an interval is shorter, so that steps of this length meet every one. */
export const SHORTEST_MS: Readonly<Record<Interval, number>> = {
  [Interval.UNSPECIFIED]: 15 * MINUTE_MS,
  [Interval.MINUTE]: MINUTE_MS,
  [Interval.FIVE_MINUTES]: 5 * MINUTE_MS,
  [Interval.QUARTER_HOUR]: 15 * MINUTE_MS,
  // Clocks are changed by half an hour in places.
  [Interval.HOUR]: 15 * MINUTE_MS,
  [Interval.DAY]: 12 * 60 * MINUTE_MS,
  [Interval.WEEK]: 24 * 60 * MINUTE_MS,
  [Interval.MONTH]: 24 * 60 * MINUTE_MS,
};

/** A statement of where every bucket of a window begins, as `bucket`. */
export function bucketAxis(interval: Interval, window: QueryWindow, draft: StatementDraft): string {
  const stepMs = SHORTEST_MS[interval];
  const steps = draft.bind(Math.ceil((window.toMs - window.fromMs) / stepMs) + 1, 'UInt32');
  const step = draft.bind(stepMs, 'Int64');
  const from = timeLiteral(window.fromMs, draft);
  const moment = `least(addMilliseconds(${from}, number * ${step}), ${timeLiteral(window.toMs - 1, draft)})`;
  return `SELECT DISTINCT ${bucketExpression(moment, interval, window, draft)} AS bucket FROM numbers(${steps})`;
}

/**
 * The period of each local day of a window, counted from 0, where periods are days, weeks or months; `firstDay` in days since
 * 1970-01-01. There are as many periods as buckets on the axis.
 */
export function periodsOfDays(
  interval: Interval,
  window: QueryWindow,
): { firstDay: number; periods: readonly number[] } {
  const firstDay = localDay(window.fromMs, window.timeZone);
  const lastDay = localDay(window.toMs - 1, window.timeZone);
  const periods: number[] = [];
  let period = -1;
  let before: number | undefined;
  for (let day = firstDay; day <= lastDay; day++) {
    const name = periodName(day, interval, window.weekStart);
    // An island that moved across the date line has left a day out.
    if (name !== before && (interval !== Interval.DAY || isADay(day, window.timeZone))) period++;
    before = name;
    periods.push(period);
  }
  return { firstDay, periods };
}

/** A number that days of one period share. */
function periodName(day: number, interval: Interval, weekStart: QueryWindow['weekStart']): number {
  switch (interval) {
    case Interval.WEEK:
      // The first of January 1970 was a Thursday.
      return Math.floor((day + (weekStart === Weekday.SUNDAY ? 4 : 3)) / 7);
    case Interval.MONTH: {
      const date = new Date(day * DAY_MS);
      return date.getUTCFullYear() * 12 + date.getUTCMonth();
    }
    default:
      return day;
  }
}

/** Whether every hour of Greenwich lies in one local day: some zones are half an hour off. Zones don't change within a day's reach. */
export function hasWholeHours({ fromMs, toMs, timeZone }: QueryWindow): boolean {
  const format = new Intl.DateTimeFormat('en', { timeZone, minute: 'numeric', second: 'numeric' });
  const atWholeHour = (ms: number) => format.format(Math.floor(ms / HOUR_MS) * HOUR_MS) === '00:00';
  for (let ms = fromMs; ms < toMs; ms += DAY_MS) if (!atWholeHour(ms)) return false;
  return atWholeHour(toMs);
}

/** Whether the day has been in the zone: some moment about its noon in Greenwich, or half a day off, is in it. */
function isADay(day: number, timeZone: string): boolean {
  return [0, 0.5, 1].some((part) => localDay((day + part) * DAY_MS, timeZone) === day);
}

function localDay(ms: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const [year = 0, month = 0, day = 0] = [parts.get('year'), parts.get('month'), parts.get('day')];
  return Date.UTC(year, month - 1, day) / DAY_MS;
}
